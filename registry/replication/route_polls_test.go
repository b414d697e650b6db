package replication

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func over(p *poll) bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

func TestOnePollForEachPeer(t *testing.T) {
	l := newPolls(2)
	a, err := l.enter("a")
	require.NoError(t, err)
	b, err := l.enter("b")
	require.NoError(t, err)
	_, err = l.enter("c")
	require.Error(t, err, "two wait already")
	again, err := l.enter("a")
	require.NoError(t, err, "it takes the place of the earlier one")
	require.Equal(t, []bool{true, false, false}, []bool{over(a), over(b), over(again)})
	l.leave(a)
	require.Equal(t, 2, l.len(), "the later one still waits")
	l.leave(again)
	require.Equal(t, 1, l.len())
	l.stop()
	require.True(t, over(b))
	c, err := l.enter("c")
	require.NoError(t, err)
	require.True(t, over(c), "nobody waits any more")
	l.stop()
	l.leave(b)
	l.leave(c)
	require.Zero(t, l.len())
}
