package registry

import (
	"sync"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// listWriter writes records as they stand in a list: grouped by application, for which they must come in its order.
type listWriter struct {
	f     eureka.Format
	dst   []byte
	any   bool   // something stands before
	inApp bool   // an application is open
	app   string // its name
}

func (w *listWriter) add(rec *record) {
	if !w.inApp || w.app != rec.App {
		w.close()
		if w.any {
			w.dst = eureka.AppendSeparator(w.dst, w.f)
		}
		w.dst = eureka.AppendApplicationHead(w.dst, w.f, rec.App, false)
		w.inApp, w.app = true, rec.App
	} else {
		w.dst = eureka.AppendSeparator(w.dst, w.f)
	}
	w.any = true
	w.dst = rec.appendForm(w.dst, w.f)
}

func (w *listWriter) close() {
	if w.inApp {
		w.dst = eureka.AppendApplicationTail(w.dst, w.f, false)
		w.inApp = false
	}
}

// appendForm appends the record as it stands in an application. JSON is what it holds.
func (rec *record) appendForm(dst []byte, f eureka.Format) []byte {
	if f == eureka.JSON {
		return append(dst, rec.text...)
	}
	return eureka.AppendInstance(dst, rec.instance(), f, eureka.List)
}

// appendList appends a whole list of records.
func appendList(dst []byte, f eureka.Format, version, hashCode string, records []*record) []byte {
	w := listWriter{f: f, dst: eureka.AppendApplicationsHead(dst, f, version, hashCode)}
	for _, rec := range records {
		w.add(rec)
	}
	w.close()
	return eureka.AppendApplicationsTail(w.dst, f, version, hashCode)
}

var bodies = sync.Pool{New: func() any { b := make([]byte, 0, maxSegment+maxSegment/4); return &b }}
