package namesrv

import "time"

// scan removes brokers that went quiet, every scanNotActiveBrokerInterval, and closes the connections over which they registered
// (apache/rocketmq RouteInfoManager.java: scanNotActiveBroker).
func (s *Server) scan() {
	ticks := time.NewTicker(s.cfg.Settings.scanInterval())
	defer ticks.Stop()
	for {
		select {
		case <-s.ended:
			return
		case <-ticks.C:
			for _, id := range s.table.Expire(s.now()) {
				s.closeConn(id, causeExpired)
			}
		}
	}
}
