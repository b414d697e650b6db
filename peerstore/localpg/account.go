package localpg

import (
	"os/user"
	"strconv"
)

// account is who runs the server. The zero value is ourselves.
type account struct {
	other    bool
	name     string
	uid, gid uint32
}

// suffix is the account for Describe, when it is worth a word.
func (a account) suffix() string {
	if !a.other {
		return ""
	}
	return ", as user " + a.name
}

func lookup(name string) (account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return account{}, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return account{}, err
	}
	return account{other: true, name: name, uid: uint32(uid), gid: uint32(gid)}, nil
}
