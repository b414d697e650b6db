package namesrv

// ADD_WRITE_PERM_OF_BROKER (327), since 4.9.2. Guarded.
//
// Behaviour: gives back what code 205 took from the topics of a broker name, and answers how many they are; an unknown name has none.
// Ours: permissions are again those that the broker registered; the reference sets all of them to 6. A missing name is code 1.
func addWritePerm(c *call) {
	c.changePermission("addTopicCount", c.s.table.AddWrite)
}
