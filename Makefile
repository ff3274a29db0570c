# irgit. `make help` lists the targets.

GO      ?= go
BIN     := bin/irgit
FUZZ    ?= 10s
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)
LINT     = $(GO) tool -modfile=tools/lint/go.mod

.DEFAULT_GOAL := build

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/irgit
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/irgit

.PHONY: demo
demo: build ## play the whole loop on the embedded fleet, offline, in a temporary folder
	@$(BIN) demo

.PHONY: test
test: ## run the tests (offline)
	$(GO) test ./...

.PHONY: e2e
e2e: build ## hold irgit against a real API server and real Flux (the first time it builds them: up to 20 minutes)
	programs=$$(e2e/build) && cd e2e && IRGIT_E2E_PROGRAMS=$$programs IRGIT_E2E_IRGIT=$(CURDIR)/$(BIN) $(GO) test -count=1 -v -timeout 20m ./...

.PHONY: conformance
conformance: ## hold irgit against a real Gitea server (the first time it builds it: up to 20 minutes)
	programs=$$(tools/gitea/build) && IRGIT_CONFORMANCE_PROGRAMS=$$programs $(GO) test -count=1 -v -timeout 15m ./test/conformance

.PHONY: race
race: ## run the tests under the race detector
	$(GO) test -race ./...

.PHONY: fences
fences: ## check the import rules of ARCHITECTURE.md
	$(GO) test -count=1 ./internal/fences

.PHONY: lint
lint: ## vet, format and lint
	$(GO) vet ./...
	$(LINT) gofumpt -l -extra . | (! grep .)
	$(LINT) golangci-lint run ./...
	cd e2e && $(GO) vet ./... && $(GO) tool -modfile=../tools/lint/go.mod golangci-lint run --config ../.golangci.yml ./...

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZ (10s) each
	@sh .ci/fuzz $(FUZZ)

.PHONY: clean
clean: ## remove what was built
	rm -rf bin

.PHONY: bench
bench: ## print ratios against the git program, on generated fleets, in one run
	$(GO) run ./test/bench

.PHONY: fleets
fleets: ## hold irgit against clones of real fleets: make fleets FLEETS="PATH..."
	$(GO) run ./test/fleets -v $(FLEETS)
