package namesrv

// GET_TOPICS_BY_CLUSTER (224), every version.
//
// Behaviour: answers the topics that a broker of the cluster has, none for an unknown cluster; code 1 "disable" with
// enableTopicList=false.
// Ours: without a cluster it is code 1, where the reference answers none.
func getTopicsByCluster(c *call) {
	c.list(func() ([]byte, error) {
		cluster, err := c.req.Required("cluster")
		if err != nil {
			return nil, err
		}
		return c.s.table.TopicsOfCluster(cluster), nil
	})
}
