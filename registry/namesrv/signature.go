package namesrv

import (
	"crypto/hmac"
	"crypto/sha1" // what RocketMQ's clients sign with
	"encoding/base64"
	"maps"
	"slices"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

const (
	accessKeyField = "AccessKey"
	signatureField = "Signature"
)

// signer returns the access key with which a request is signed, "" if it is not signed with a known key.
//
// The signature is the base64 of HMAC-SHA1 over the values of all fields but itself, in the order of their names and without
// anything between, then the body (apache/rocketmq AclClientRPCHook.java: doBeforeRequest, AclUtils.java: combineRequestContent).
//
// Compat: the zone that the virtual machine's properties name is added after the signature was made (MQClientAPIImpl.java registers
// DynamicalExtFieldRPCHook last), so a request that does not verify is tried again without it.
func (a *Admin) signer(q *remoting.Request) string {
	key, _ := q.FieldString(accessKeyField)
	given, _ := q.FieldString(signatureField)
	secret := a.AccessKeys[key]
	if key == "" || given == "" || secret == "" {
		return ""
	}
	for _, without := range [][]string{{signatureField}, {signatureField, zoneNameField, zoneModeField}} {
		if hmac.Equal([]byte(sign(q, secret, without)), []byte(given)) {
			return key
		}
	}
	return ""
}

// sign is RocketMQ's signature of a request's body and fields, but for some.
func sign(q *remoting.Request, secret string, without []string) string {
	fields := maps.Collect(q.Fields())
	mac := hmac.New(sha1.New, []byte(secret))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(without, name) {
			mac.Write([]byte(fields[name]))
		}
	}
	mac.Write(q.Body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
