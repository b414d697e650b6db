package migrations

// LockKey lets a test stand in for another process that migrates.
var LockKey = lockKey
