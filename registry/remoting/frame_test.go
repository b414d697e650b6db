package remoting_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

func TestReadFrame(t *testing.T) {
	one := remoting.Append(nil, &remoting.Command{Code: 1, Body: bytes.Repeat([]byte("x"), 100_000)})
	two := remoting.Append(nil, &remoting.Command{Code: 2, Codec: remoting.Binary})
	r := bufio.NewReader(iotest.HalfReader(bytes.NewReader(append(append([]byte{}, one...), two...))))

	frame, err := remoting.ReadFrame(r, len(one), nil)
	require.NoError(t, err)
	require.Equal(t, one[4:], frame)
	again, err := remoting.ReadFrame(r, len(one), frame)
	require.NoError(t, err)
	require.Equal(t, two[4:], again)
	require.Same(t, &frame[0], &again[0], "the buffer is used again")
	_, err = remoting.ReadFrame(r, len(one), nil)
	require.Equal(t, io.EOF, err)
}

func TestReadFrameRefuses(t *testing.T) {
	for _, tc := range []struct {
		name  string
		bytes string
		wire  string // text of a *WireError, else
		err   error
	}{
		{name: "nothing", bytes: "", err: io.EOF},
		{name: "half a length", bytes: "\x00\x00", err: io.ErrUnexpectedEOF},
		{name: "ends after the length", bytes: "\x00\x00\x00\x08", err: io.ErrUnexpectedEOF},
		{name: "ends inside", bytes: "\x00\x00\x00\x08abc", err: io.ErrUnexpectedEOF},
		{name: "no room for the header length", bytes: "\x00\x00\x00\x03abc", wire: "length: is too short for a header"},
		{name: "zero", bytes: "\x00\x00\x00\x00", wire: "length: is too short for a header"},
		{name: "negative", bytes: "\xff\xff\xff\xff", wire: "length: is too short for a header"},
		{name: "one more than allowed", bytes: "\x00\x00\x00\x61", wire: "length: is over the limit for frames"},
		{name: "most that can be said", bytes: "\x7f\xff\xff\xff", wire: "length: is over the limit for frames"},
		{name: "HTTP", bytes: "GET / HTTP/1.1", wire: "length: is over the limit for frames"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			frame, err := remoting.ReadFrame(bufio.NewReader(bytes.NewReader([]byte(tc.bytes))), 100, nil)
			require.Nil(t, frame)
			if tc.wire == "" {
				require.Equal(t, tc.err, err)
				return
			}
			var wire *remoting.WireError
			require.ErrorAs(t, err, &wire)
			require.Equal(t, tc.wire, err.Error())
		})
	}
}

// Who promises 16 MiB and sends nothing costs a few KiB.
func TestReadFrameGrowsWithWhatArrives(t *testing.T) {
	promise := append([]byte{0x00, 0xff, 0xff, 0xfc}, bytes.Repeat([]byte("x"), 10_000)...)
	broken := errors.New("broken")
	r := &counting{r: io.MultiReader(bytes.NewReader(promise), iotest.ErrReader(broken))}
	_, err := remoting.ReadFrame(bufio.NewReader(r), remoting.MaxFrame, nil)
	require.ErrorIs(t, err, broken)
	require.LessOrEqual(t, r.most, 32<<10, "room offered to the reader")
}

// counting notes how much room it was ever offered: what had been allocated by then.
type counting struct {
	r    io.Reader
	most int
}

func (c *counting) Read(p []byte) (int, error) {
	c.most = max(c.most, len(p))
	return c.r.Read(p)
}

func TestParseRefusesFrames(t *testing.T) {
	for _, tc := range []struct{ name, frame, want string }{
		{"empty", "", "frame: ends before the header length"},
		{"short", "\x00\x00\x00", "frame: ends before the header length"},
		{"header beyond the frame", "\x00\x00\x00\x05{}", "header length: is beyond the end of the frame"},
		{"codec", "\x02\x00\x00\x02{}", "serialize type: is neither 0 (JSON) nor 1 (ROCKETMQ)"},
		{"no JSON header", "\x00\x00\x00\x00", "header: ends early"},
		{"no binary header", "\x01\x00\x00\x00", "header: is too short for the binary form"},
		{"header over the limit", "\x00\x10\x00\x01" + string(make([]byte, 1<<20+1)), "header length: is over the limit for headers"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := remoting.Decode([]byte(tc.frame))
			var wire *remoting.WireError
			require.ErrorAs(t, err, &wire)
			require.Equal(t, tc.want, err.Error())
		})
	}
}
