package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

// BasicAuth is a Deps.ReplicationAuth that asks for one user and password, as Java servers send them when their URL of us has
// them (http://user:password@host:8761/eureka/). It takes the same time for every wrong answer.
func BasicAuth(user, password string) func(*http.Request) bool {
	wantUser, wantPassword := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))
	return func(r *http.Request) bool {
		u, p, ok := r.BasicAuth()
		haveUser, havePassword := sha256.Sum256([]byte(u)), sha256.Sum256([]byte(p))
		same := subtle.ConstantTimeCompare(haveUser[:], wantUser[:]) & subtle.ConstantTimeCompare(havePassword[:], wantPassword[:])
		return ok && same == 1
	}
}
