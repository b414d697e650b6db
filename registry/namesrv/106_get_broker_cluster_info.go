package namesrv

// GET_BROKER_CLUSTER_INFO (106), every version: every broker of 5.x asks it every five seconds, and most of mqadmin.
//
// Behaviour: answers all clusters, broker names and addresses under their true ids, numeric keys bare for everybody.
func getClusterInfo(c *call) { c.ok(c.s.table.ClusterInfo()) }
