package eureka

// Levels at which an instance stands in XML.
const (
	levelRoot         = iota
	levelApplication  // in <application> at the root
	levelApplications // in <application> in <applications>
)

// AppendInstance appends an instance as it stands in a list: in JSON without wrapper and without separator (see
// AppendSeparator), in XML on lines of its own, indented for its place in <applications><application>. Texts written
// as JSON and List are what the registry keeps; DecodeBareInstance brings them back as they were.
func AppendInstance(dst []byte, in *Instance, f Format, form Form) []byte {
	return appendInstance(dst, in, f, form, levelApplications)
}

// AppendInstanceDocument appends an instance as a document of its own: {"instance":{…}} or <instance>…</instance>.
func AppendInstanceDocument(dst []byte, in *Instance, f Format, form Form) []byte {
	if f.IsXML() {
		return appendInstance(dst, in, f, form, levelRoot)
	}
	dst = append(dst, `{"instance":`...)
	dst = appendInstance(dst, in, f, form, levelRoot)
	return append(dst, '}')
}

func appendInstance(dst []byte, in *Instance, f Format, form Form, level int) []byte {
	switch f {
	case JSON:
		return appendJSON(dst, in, form)
	case JSONCompact:
		return appendCompactJSON(dst, in)
	}
	w := xmlWriter{dst: dst, level: level, compact: f == XMLCompact, lines: level > levelRoot}
	if w.compact {
		w.compactInstance(in)
	} else {
		w.instance(in)
	}
	return w.dst
}

// AppendApplicationsHead appends what stands before the applications of a list. Full forms begin with version and
// hash code, compact ones end with them: give both functions the same.
func AppendApplicationsHead(dst []byte, f Format, versionsDelta, hash string) []byte {
	switch f {
	case JSON:
		dst = append(dst, `{"applications":{"versions__delta":`...)
		dst = appendString(dst, versionsDelta, List)
		dst = append(dst, `,"apps__hashcode":`...)
		dst = appendString(dst, hash, List)
		return append(dst, `,"application":[`...)
	case JSONCompact:
		return append(dst, `{"applications":{"application":[`...)
	case XMLCompact:
		return append(dst, "<applications>"...)
	}
	dst = append(dst, "<applications>\n  <versions__delta>"...)
	dst = appendXMLText(dst, versionsDelta)
	dst = append(dst, "</versions__delta>\n  <apps__hashcode>"...)
	dst = appendXMLText(dst, hash)
	return append(dst, "</apps__hashcode>"...)
}

// AppendApplicationsTail appends what stands after the applications of a list.
func AppendApplicationsTail(dst []byte, f Format, versionsDelta, hash string) []byte {
	switch f {
	case JSON:
		return append(dst, "]}}"...)
	case JSONCompact:
		dst = append(dst, `],"versions__delta":`...)
		dst = appendString(dst, versionsDelta, List)
		dst = append(dst, `,"apps__hashcode":`...)
		dst = appendString(dst, hash, List)
		return append(dst, "}}"...)
	case XMLCompact:
		dst = append(dst, "<versions__delta>"...)
		dst = appendXMLText(dst, versionsDelta)
		dst = append(dst, "</versions__delta><apps__hashcode>"...)
		dst = appendXMLText(dst, hash)
		return append(dst, "</apps__hashcode></applications>"...)
	}
	return append(dst, "\n</applications>"...)
}

// AppendApplicationHead appends what stands before the instances of an application: as a part of a list, or, with
// inDocument, as the answer to a query for this application.
func AppendApplicationHead(dst []byte, f Format, name string, inDocument bool) []byte {
	if !f.IsXML() {
		if inDocument {
			dst = append(dst, `{"application":`...)
		}
		dst = append(dst, `{"name":`...)
		dst = appendString(dst, name, List)
		return append(dst, `,"instance":[`...)
	}
	w := xmlWriter{dst: dst, level: 1, compact: f == XMLCompact, lines: !inDocument}
	if inDocument {
		w.level = 0
	}
	w.open("application")
	w.leaf("name", name, true)
	return w.dst
}

// AppendApplicationTail appends what stands after the instances of an application.
func AppendApplicationTail(dst []byte, f Format, inDocument bool) []byte {
	switch {
	case f == XMLCompact:
		return append(dst, "</application>"...)
	case f == XML && inDocument:
		return append(dst, "\n</application>"...)
	case f == XML:
		return append(dst, "\n  </application>"...)
	case inDocument:
		return append(dst, "]}}"...)
	}
	return append(dst, "]}"...)
}

// AppendSeparator appends what stands between two applications of a list, and between two instances: a comma in
// JSON, nothing in XML.
func AppendSeparator(dst []byte, f Format) []byte {
	if f.IsXML() {
		return dst
	}
	return append(dst, ',')
}

// AppendApplications appends a whole list. a.AppsHashCode is written as it is.
func AppendApplications(dst []byte, a *Applications, f Format) []byte {
	dst = AppendApplicationsHead(dst, f, a.VersionsDelta, a.AppsHashCode)
	for i, app := range a.Applications {
		if i > 0 {
			dst = AppendSeparator(dst, f)
		}
		dst = AppendApplicationHead(dst, f, app.Name, false)
		dst = appendInstances(dst, app.Instances, f, levelApplications)
		dst = AppendApplicationTail(dst, f, false)
	}
	return AppendApplicationsTail(dst, f, a.VersionsDelta, a.AppsHashCode)
}

// AppendApplicationDocument appends the answer to a query for one application.
func AppendApplicationDocument(dst []byte, a *Application, f Format) []byte {
	dst = AppendApplicationHead(dst, f, a.Name, true)
	dst = appendInstances(dst, a.Instances, f, levelApplication)
	return AppendApplicationTail(dst, f, true)
}

func appendInstances(dst []byte, instances []*Instance, f Format, level int) []byte {
	for i, in := range instances {
		if i > 0 {
			dst = AppendSeparator(dst, f)
		}
		dst = appendInstance(dst, in, f, List, level)
	}
	return dst
}

func appendXMLText(dst []byte, text string) []byte {
	w := xmlWriter{dst: dst}
	w.text(text)
	return w.dst
}
