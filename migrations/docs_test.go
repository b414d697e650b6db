package migrations_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore/pgtest"
)

var update = flag.Bool("update", false, "rewrite the answers in docs/sql.md; read the difference before you keep it")

const sqlDocument = "../docs/sql.md"

// example is a query of the document and the answer printed below it.
var example = regexp.MustCompile("(?s)```sql\n(.*?)```\n```text\n(.*?)```")

// Columns whose content depends on when the query runs. Their cells must only be there.
var volatile = map[string]bool{"at": true, "age_s": true, "last_at": true, "set_at": true}

// Every query that docs/sql.md prints is run as it stands there, and answers what stands there.
func TestSQLDocument(t *testing.T) {
	text, err := os.ReadFile(sqlDocument)
	require.NoError(t, err)
	pool, _ := pgtest.Pool(t)
	badDay(t, pool)
	examples := example.FindAllSubmatch(text, -1)
	require.Len(t, examples, strings.Count(string(text), "```sql"), "every query has an answer")
	for _, e := range examples {
		query, documented := string(e[1]), string(e[2])
		rows, err := pool.Query(t.Context(), query)
		require.NoError(t, err)
		header, cells, err := asText(rows)
		require.NoError(t, err, query)
		if *update {
			text = []byte(strings.Replace(string(text), string(e[0]), "```sql\n"+query+"```\n```text\n"+table(header, cells)+"```", 1))
			continue
		}
		require.Equal(t, masked(table(header, cells)), masked(documented), query)
	}
	if *update {
		require.NoError(t, os.WriteFile(sqlDocument, text, 0o644))
	}
}

// Every view that people may read is in the document, by name.
func TestSQLDocumentNamesEverything(t *testing.T) {
	text, err := os.ReadFile(sqlDocument)
	require.NoError(t, err)
	pool, schema := pgtest.Pool(t)
	rows, err := pool.Query(t.Context(), "SELECT viewname::text FROM pg_views WHERE schemaname = $1::text", schema)
	require.NoError(t, err)
	views, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, views)
	for _, v := range views {
		require.Regexp(t, `(?s)`+"```sql\n[^`]*"+v, string(text), "a query for view %s", v)
	}
}

// badDay is the cluster of the document: five servers, one of them gone silent, one advertised twice, one cut off from another, and
// one that has not heard of the latest registration, nor of a broker. All are name servers too.
func badDay(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	exec := func(sql string, args ...any) {
		_, err := pool.Exec(t.Context(), sql, args...)
		require.NoError(t, err)
	}
	join := func(n int, url, zone string) string {
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
		exec(`SELECT register('default', $1::text::uuid, jsonb_build_object('eureka', $2::text, 'namesrv', $4::text), 'default', $3::text, '', '1.0.0', 1, 1, NULL, 'joining', 600000)`,
			id, "http://"+url+":8761/eureka/", zone, url+":9876")
		return id
	}
	move := func(id, phase, why string) {
		exec("SELECT set_phase($1::text::uuid, $2::text, $3::text), set_namesrv_phase($1::text::uuid, $2::text)", id, phase, why)
	}
	beat := func(id string, instances, ok int, digest int64, unreachable ...string) {
		exec(`UPDATE peer_leases SET seq = seq + 1, renewed_at = clock_timestamp(), applications = 12, instances = $2::int, renews_per_minute = $2::int * 2,
			peers_ok = $3::int, peers_total = 3, lag_ms = 2, digest = $4::bigint, unreachable = $5::text::uuid[] WHERE peer_id = $1::text::uuid`,
			id, instances, ok, digest, "{"+strings.Join(unreachable, ",")+"}")
	}
	routes := func(id string, brokers, topics int, digest int64) {
		exec("UPDATE peer_leases SET brokers = $2::int, topics = $3::int, routes_digest = $4::bigint WHERE peer_id = $1::text::uuid", id, brokers, topics, digest)
	}
	first := join(1, "10.0.1.11", "eu-1")
	second := join(2, "10.0.2.12", "eu-2")
	silent := join(3, "10.0.1.13", "eu-1")
	for _, id := range []string{first, second, silent} {
		move(id, "serving", "")
		beat(id, 150, 2, 0x1c9e2f)
	}
	exec("UPDATE peer_leases SET ttl_ms = 10000, renewed_at = renewed_at - interval '15 seconds' WHERE peer_id = $1::text::uuid", silent)
	for n := 4; n <= 7; n++ { // two processes that advertise one address
		join(n, "10.0.2.14", "eu-2")
	}
	third := join(8, "10.0.2.15", "eu-2")
	move(third, "serving", "")
	move(third, "draining", "stopping")
	exec("UPDATE peer_events SET at = at - interval '2 minutes'")
	beat(first, 151, 3, 0x77aa01, second)
	beat(second, 150, 2, 0x1c9e2f, first, silent)
	beat(third, 151, 2, 0x77aa01, silent)
	routes(first, 4, 120, 0x5eed)
	routes(second, 3, 118, 0xf00d)
	routes(third, 4, 120, 0x5eed)
	exec("INSERT INTO overrides VALUES ('default', 'ORDERS', 'host-7:orders:8080', 'OUT_OF_SERVICE', 'ann', 'memory leak')")
	exec(`INSERT INTO namesrv_words (cluster, kind, scope, name, value, deleted, counter, epoch, set_by) VALUES
		('default', 'kv', 'ORDER_TOPIC_CONFIG', 'orders', 'broker-a:4;broker-b:4', false, 2, 1, '10.0.9.5:40112'),
		('default', 'kv', 'ORDER_TOPIC_CONFIG', 'invoices', 'broker-a:4', true, 2, 2, '10.0.9.5:40114'),
		('default', 'wipe', '', 'broker-b', '', false, 1, 2, 'key ann'),
		('default', 'deletion', 'DefaultCluster', 'old-topic', '{"broker-a":[[0,1764000000000,12]]}', false, 1, 1, 'key ann')`)
	exec(`INSERT INTO admin_audit (record, cluster, server, code, action, who, came_from, what, result) VALUES
		('1', 'default', 'http://10.0.2.12:8761/eureka/', 205, 'WIPE_WRITE_PERM_OF_BROKER', 'key ann', '10.0.9.5:40120', 'broker broker-b', 'done'),
		('2', 'default', 'http://10.0.1.11:8761/eureka/', 318, 'UPDATE_NAMESRV_CONFIG', '', '203.0.113.9:55012', 'configuration', 'refused')`)
}

// asText reads an answer as psql prints it.
func asText(rows pgx.Rows) (header []string, cells [][]string, err error) {
	for _, f := range rows.FieldDescriptions() {
		header = append(header, f.Name)
	}
	for rows.Next() {
		values := rows.RawValues() // text, because nothing is prepared
		line := make([]string, len(values))
		for i, v := range values {
			line[i] = string(v)
		}
		cells = append(cells, line)
	}
	return header, cells, rows.Err()
}

// table draws an answer.
func table(header []string, cells [][]string) string {
	width := make([]int, len(header))
	for _, line := range append([][]string{header}, cells...) {
		for i, cell := range line {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var out strings.Builder
	draw := func(line []string) {
		padded := make([]string, len(line))
		for i, cell := range line {
			padded[i] = cell + strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
		}
		out.WriteString(strings.TrimRight(" "+strings.Join(padded, " | "), " ") + "\n")
	}
	draw(header)
	rule := make([]string, len(header))
	for i, w := range width {
		rule[i] = strings.Repeat("-", w+2)
	}
	out.WriteString(strings.Join(rule, "+") + "\n")
	for _, line := range cells {
		draw(line)
	}
	unit := "rows"
	if len(cells) == 1 {
		unit = "row"
	}
	fmt.Fprintf(&out, "(%d %s)\n", len(cells), unit)
	return out.String()
}

// masked leaves out of a table what depends on the time of day.
func masked(drawn string) [][]string {
	var out [][]string
	var header []string
	for line := range strings.Lines(drawn) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
			if header != nil && len(cells) == len(header) && volatile[header[i]] && cells[i] != "" {
				cells[i] = "some time"
			}
		}
		if strings.HasPrefix(strings.TrimSpace(line), "--") {
			continue
		}
		if header == nil {
			header = cells
		}
		out = append(out, cells)
	}
	return out
}
