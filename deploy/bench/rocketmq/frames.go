package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// The frames are made by hand from what a 5.5.0 broker and client send, so that both servers get the same bytes and
// neither's code has a part in making them.

const (
	cluster = "bench"
	version = 513 // V5_5_0
)

func frame(code, opaque int, fields, body string) []byte {
	header := fmt.Sprintf(`{"code":%d,"extFields":{%s},"flag":0,"language":"JAVA","opaque":%d,"serializeTypeCurrentRPC":"JSON","version":%d}`,
		code, fields, opaque, version)
	b := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)+len(body)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(header)))
	return append(append(b, header...), body...)
}

func topicName(i int) string { return fmt.Sprintf("bench-topic-%05d", i) }

// queryFrame asks for a topic's route.
func queryFrame(topic, opaque int) []byte {
	return frame(105, opaque, fmt.Sprintf(`"acceptStandardJsonOnly":"true","topic":"%s"`, topicName(topic)), "")
}

// registerFrame registers a broker with all topics under a version of its own.
func registerFrame(broker, topics, counter int) []byte {
	var table strings.Builder
	for i := range topics {
		if i > 0 {
			table.WriteByte(',')
		}
		fmt.Fprintf(&table, `"%s":{"attributes":{},"order":false,"perm":6,"readQueueNums":8,"topicFilterType":"SINGLE_TAG","topicName":"%[1]s","topicSysFlag":0,"writeQueueNums":8}`,
			topicName(i))
	}
	body := fmt.Sprintf(`{"filterServerList":[],"topicConfigSerializeWrapper":{"dataVersion":{"counter":%d,"stateVersion":0,"timestamp":1700000000000},"mappingDataVersion":{"counter":0,"stateVersion":0,"timestamp":1700000000000},"topicConfigTable":{%s},"topicQueueMappingDetailMap":{},"topicQueueMappingInfoMap":{}}}`,
		counter, table.String())
	fields := fmt.Sprintf(`"bodyCrc32":"%d","brokerAddr":"10.0.0.%d:10911","brokerId":"0","brokerName":"broker-%03d","clusterName":"%s","compressed":"false","enableActingMaster":"false","haServerAddr":"10.0.0.%[2]d:10912"`,
		crc32.ChecksumIEEE([]byte(body))&0x7fffffff, broker+1, broker, cluster)
	return frame(103, counter, fields, body)
}

// readAnswer reads one answer and returns its header and body, which the next call overwrites. An answer that is no
// success is an error.
func readAnswer(r *bufio.Reader, buf *[]byte) (header, body []byte, err error) {
	head, err := r.Peek(8)
	if err != nil {
		return nil, nil, fmt.Errorf("read answer: %w", err)
	}
	length := int(binary.BigEndian.Uint32(head)) + 4
	headerLength := int(binary.BigEndian.Uint32(head[4:]) & 0xffffff)
	if length > 16<<20 || headerLength+8 > length {
		return nil, nil, fmt.Errorf("an answer of %d bytes with a header of %d", length, headerLength)
	}
	if cap(*buf) < length {
		*buf = make([]byte, length)
	}
	b := (*buf)[:length]
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, nil, fmt.Errorf("read answer: %w", err)
	}
	header, body = b[8:8+headerLength], b[8+headerLength:]
	if !bytes.Contains(header, []byte(`"code":0,`)) {
		return nil, nil, fmt.Errorf("an answer that is no success: %s", header)
	}
	return header, body, nil
}
