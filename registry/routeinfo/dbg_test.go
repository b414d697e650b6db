package routeinfo

import "fmt"

func (w *world) dump() {
	for _, s := range w.servers {
		for _, tp := range s.list {
			for _, r := range tp.shape.rows {
				txt := ""
				for _, x := range r.b.sources {
					if x != nil {
						txt += fmt.Sprintf(" [%s v%d.%d told=%v stamp=%d adopted=%d heard=%v]", x.server, x.version.Counter, x.version.Timestamp%1000, r.told(x.slot), x.stamp, x.adopted, s.heard(x))
					}
				}
				d := s.deleted(tp.name, "C")
				del := ""
				if d != nil {
					del = d.word.Value
				}
				w.rt.Logf("%s %s %s %s stamp=%d sources%s deletion %s", s.name, tp.name, r.b.best.name, r.b.key.Addr, r.stamp, txt, del)
			}
		}
	}
}
