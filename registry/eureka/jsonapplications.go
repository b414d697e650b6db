package eureka

// applications takes the value of the root "applications".
func (s *scanner) applications() *Applications {
	a := &Applications{}
	if !s.open('{') {
		return nil
	}
	for first := true; ; first = false {
		key, ok := s.key(first)
		if !ok {
			return a
		}
		switch string(key) {
		case "versions__delta", "versions_delta": // the server's escapeCharReplacement decides
			a.VersionsDelta, _ = s.text()
		case "apps__hashcode", "apps_hashcode":
			a.AppsHashCode, _ = s.text()
		case "application":
			s.many(func() { a.Applications = append(a.Applications, s.application()) })
		default:
			s.skip()
		}
	}
}

// many takes an array of values, or one value without an array, or null.
func (s *scanner) many(take func()) {
	switch s.peek() {
	case 'n':
		s.scalar()
	case '[':
		s.open('[')
		for first := true; s.element(first); first = false {
			take()
		}
	default:
		take()
	}
}

// application takes an application with its instances.
func (s *scanner) application() *Application {
	a := &Application{}
	if !s.open('{') {
		return a
	}
	for first := true; ; first = false {
		key, ok := s.key(first)
		if !ok {
			break
		}
		switch string(key) {
		case "name":
			a.Name, _ = s.text()
		case "instance":
			s.many(func() { a.Instances = append(a.Instances, s.listed()) })
		default:
			s.skip()
		}
	}
	a.settle()
	return a
}

// listed takes an instance of a list. One that nobody could address is refused at once: it would cost far more memory
// than the few bytes it came in.
func (s *scanner) listed() *Instance {
	in := s.instance(0)
	if s.err == nil && in.ID() == "" {
		s.fail("instance without id")
	}
	return in
}

// settle gives every instance the application's name if it says none itself.
func (a *Application) settle() {
	for _, in := range a.Instances {
		if in != nil && in.App == "" {
			in.App = UpperApp(a.Name)
			in.Blank &^= FieldApp
		}
	}
}
