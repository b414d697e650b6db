# Everything a person or CI does here. `make` lists it.

GO      ?= go
BIN     ?= bin/zonekeeper
VERSION ?=
# Tools are pinned here and built from their modules; nothing is fetched as a binary.
GOLANGCI = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
TOOLS    = $(CURDIR)/bin/tools

# How long each fuzz target runs, and how many seeds the simulation takes.
FUZZTIME ?= 30s
SEEDS    ?= 1000
# compat-rocketmq without what takes minutes only because clients look for name servers every 120 s.
SHORT    ?=

.DEFAULT_GOAL := help
.PHONY: help build test race fuzz lint sim compat compat-rocketmq bench golden soak clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the static program, in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w $(if $(VERSION),-X main.release=$(VERSION))" -o $(BIN) ./cmd/zonekeeper

test: ## every test; finds or fetches its own PostgreSQL
	$(GO) test ./...

# What runs as processes of their own gains nothing from the race detector: they are built without it.
PROCESSES = ^Test(Cluster|Membership|Dev|Compose)

race: ## the tests under the race detector, long ones shortened
	$(GO) test -race -short -skip '$(PROCESSES)' ./...

fuzz: ## every fuzz target for FUZZTIME (30s)
	GO="$(GO)" .ci/fuzz $(FUZZTIME)

lint: $(TOOLS)/golangci-lint ## formatting, mistakes, import walls, generated texts
	$(TOOLS)/golangci-lint run ./...
	$(GO) vet ./...
	$(GO) mod verify >/dev/null

$(TOOLS)/golangci-lint: Makefile
	GOBIN=$(TOOLS) $(GO) install $(GOLANGCI)
	@touch $@

sim: ## the cluster in virtual time under faults, SEEDS (1000) random seeds
	ZONEKEEPER_SIM_SEEDS=$(SEEDS) $(GO) test ./cmd/zonekeeper -run '^TestSimulation' -count=1 -timeout 0 -v

compat: build ## real Eureka clients (Go, Node, Python, Java, Spring) against real processes
	ZONEKEEPER_BIN=$(abspath $(BIN)) $(MAKE) -C deploy/compat

compat-rocketmq: build ## real RocketMQ brokers, clients and mqadmin against real processes; ten minutes, with SHORT=yes less than four
	ZONEKEEPER_BIN=$(abspath $(BIN)) $(MAKE) -C deploy/compat rocketmq SHORT=$(SHORT)

bench: ## the benchmarks behind docs/performance.md
	$(GO) test -run '^$$' -bench . -benchmem ./...

golden: ## write generated texts anew; read the difference before committing it
	$(GO) test ./cmd/zonekeeper ./registry/httpapi ./registry/namesrv -run 'Golden|Generated|CompatibilityTable' -update

soak: ## the tests with real processes on the intervals that ship, and more often; long
	ZONEKEEPER_SOAK=1 $(GO) test ./cmd/zonekeeper -run '^Test(Cluster|Membership)' -count=1 -timeout 0 -v

clean: ## what was built here
	rm -rf bin dist
