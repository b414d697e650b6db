package httpapi

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// maxBatchItems bounds one batch. Java servers send at most 250.
const maxBatchItems = 20_000

// batch answers POST peerreplication/batch, with which Java servers copy changes to us: every item in order, one answer for each.
// All of it counts as copied, so nothing is copied on to other Java servers.
//
// The answer is JSON whatever is accepted; upstream gives XML of its class names to whoever does not ask for JSON, which nobody does.
func (s *Server) batch(c echo.Context) error {
	req := c.Request()
	if s.deps.ReplicationAuth != nil && !s.deps.ReplicationAuth(req) {
		s.metrics.peerRefused("replication credentials")
		return errAuth
	}
	kind, label := contentType(req.Header)
	body, err := s.readBody(c.Response(), req, s.deps.MaxBatch)
	defer s.doneWith(body)
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errBusy):
		return err
	case err != nil, kind != bodyJSON:
		return answerUndecodable(c, label)
	}
	items, err := eureka.DecodeReplicationList(body, maxBatchItems, s.deps.Now().UnixMilli())
	switch {
	case errors.Is(err, eureka.ErrNoList):
		return errInternal
	case err != nil:
		return answerUndecodable(c, label)
	}
	for i := range items {
		if items[i].Null {
			// Compat: upstream fails on the whole batch before it looks at any item.
			return errInternal
		}
	}
	return answer(c, http.StatusOK, typeJSON, eureka.AppendReplicationAnswers(nil, s.applyBatch(items)))
}

// applyBatch applies the items one by one. The entities of 409s are written when all is done, so effects of later items show in
// them, as upstream's do.
func (s *Server) applyBatch(items []eureka.ReplicationItem) []eureka.ReplicationAnswer {
	answers := make([]eureka.ReplicationAnswer, len(items))
	var newer map[int]*eureka.Instance // by item
	for i := range items {
		status := s.applyItem(&items[i])
		if status == http.StatusConflict {
			if newer == nil {
				newer = make(map[int]*eureka.Instance)
			}
			newer[i], _ = s.deps.Registry.Instance(itemKey(&items[i]))
		}
		answers[i].StatusCode = status
		s.metrics.batchItem(items[i].Action, status)
	}
	for i, in := range newer {
		if now, ok := s.deps.Registry.Instance(itemKey(&items[i])); ok {
			in = now
		}
		if in != nil {
			answers[i].Entity = eureka.AppendInstance(nil, in, eureka.JSON, eureka.Live)
		}
	}
	return answers
}

func itemKey(item *eureka.ReplicationItem) registry.Key {
	return registry.Key{App: eureka.UpperApp(item.AppName), ID: item.ID}
}

// applyItem executes one item as upstream does (Netflix/eureka PeerReplicationResource.java: dispatch) and returns its status.
func (s *Server) applyItem(item *eureka.ReplicationItem) int {
	switch {
	case item.AppName == "":
		return http.StatusInternalServerError
	case item.Action == eureka.Register:
		return s.applyRegister(item)
	case item.Action == eureka.NoReplication:
		return http.StatusInternalServerError
	case item.ID == "":
		return http.StatusNotFound
	}
	key := itemKey(item)
	switch item.Action {
	case eureka.Heartbeat:
		return s.applyHeartbeat(key, item)
	case eureka.Cancel:
		return itemStatus(s.deps.Registry.Cancel(key, registry.FromJavaPeer))
	case eureka.StatusUpdate:
		return s.applyStatus(key, item.Status, item.LastDirtyTimestamp, s.deps.Registry.SetStatus)
	case eureka.DeleteStatusOverride:
		if !item.HasDirty {
			return http.StatusInternalServerError
		}
		status := item.Status
		if status == "" {
			status = eureka.Unknown.String()
		}
		return s.applyStatus(key, status, item.LastDirtyTimestamp, s.deps.Registry.ClearStatus)
	}
	return http.StatusInternalServerError
}

// applyRegister answers 200 whether or not the instance passes validation.
// Compat: Netflix/eureka PeerReplicationResource.java: handleRegister throws the resource's answer away.
func (s *Server) applyRegister(item *eureka.ReplicationItem) int {
	if item.Instance == nil {
		return http.StatusInternalServerError
	}
	err := item.Instance.Validate(item.AppName)
	if err == nil {
		err = s.deps.Registry.Register(item.Instance, registry.FromJavaPeer)
	}
	if err != nil {
		s.metrics.registrationRefused("batch")
		if skipped, ok := s.notes.take(); ok {
			s.deps.Log.Warn("registration in a batch refused", "app", item.AppName, "instance", item.ID, "err", err, "more", skipped)
		}
	}
	return http.StatusOK
}

// applyHeartbeat renews. The item's status is not looked at, and a 200 never carries an entity.
func (s *Server) applyHeartbeat(key registry.Key, item *eureka.ReplicationItem) int {
	q := registry.Renewal{Dirty: item.LastDirtyTimestamp, HasDirty: item.HasDirty}
	badOverride := false
	if item.OverriddenStatus != "" {
		q.Overridden, q.HasOverridden = eureka.ParseStatus(item.OverriddenStatus)
		badOverride = !q.HasOverridden
	}
	switch s.deps.Registry.Renew(key, q, registry.FromJavaPeer) {
	case registry.Renewed:
		return http.StatusOK
	case registry.Newer:
		return http.StatusConflict
	}
	if _, known := s.deps.Registry.Instance(key); badOverride && known {
		return http.StatusInternalServerError
	}
	return http.StatusNotFound
}

func (s *Server) applyStatus(key registry.Key, text string, dirty int64, apply func(registry.Key, eureka.Status, int64, registry.Origin) error) int {
	status, ok := eureka.ParseStatus(text)
	if !ok {
		if _, known := s.deps.Registry.Instance(key); !known {
			return http.StatusNotFound
		}
		return http.StatusInternalServerError
	}
	return itemStatus(apply(key, status, dirty, registry.FromJavaPeer))
}

func itemStatus(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, registry.ErrNotFound):
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}
