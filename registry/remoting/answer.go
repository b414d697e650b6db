package remoting

import "strconv"

// AppendAnswer appends the frame that answers a request: in the codec of the request, under its opaque, from a Java server of
// Version. Every client decodes by the codec byte, so mirroring it is always right (apache/rocketmq 4.9.4 does, 5.x does not). Fields
// nil leaves extFields out, empty ones are written as {}.
func AppendAnswer(dst []byte, q *Request, code int32, remark string, fields []Field, body []byte) []byte {
	return append(AppendAnswerHead(dst, q, code, remark, fields, len(body)), body...)
}

// AppendAnswerHead is AppendAnswer without the body, of which bodyLen bytes must follow: for bodies that are ready elsewhere
// and need not be copied.
func AppendAnswerHead(dst []byte, q *Request, code int32, remark string, fields []Field, bodyLen int) []byte {
	start := len(dst)
	dst = beginFrame(dst)
	if q.Codec == JSON && code == Success && remark == "" && fields == nil {
		dst = append(dst, `{"code":0,"flag":1,"language":"JAVA","opaque":`...)
		dst = strconv.AppendInt(dst, int64(q.Opaque), 10)
		dst = append(dst, `,"serializeTypeCurrentRPC":"JSON","version":479}`...)
		endFrame(dst, start, JSON, bodyLen)
		return dst
	}
	dst = appendHeader(dst, &Command{
		Code: code, Version: Version, Language: Java, Opaque: q.Opaque, Flag: FlagResponse,
		Remark: remark, Fields: fields, Codec: q.Codec,
	})
	endFrame(dst, start, q.Codec, bodyLen)
	return dst
}
