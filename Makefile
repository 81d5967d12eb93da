# Every target does its own set-up and can be repeated: what is done already is not done again.
#
#   PRESET=release|dev|asan|tsan|cpu   which preset of CMakePresets.json to build and test
#   LABEL=smoke                   make test: only the tests with this label
#   CMAKE_ARGS="-D..."            passed to CMake; CMAKE_PREFIX_PATH=... names a LibTorch of your own
#   JOBS=2                        compilations at a time; unset: one per core and 2 GB of free memory
#   LINT_BASE=origin/main         make lint: clang-tidy looks at what changed since this commit
#   LINT_SECONDS=120              make lint: begin no file after this long, 0: read all
PRESET ?= release
export PRESET LABEL CMAKE_ARGS JOBS LINT_BASE LINT_SECONDS
ifdef CMAKE_PREFIX_PATH
export CMAKE_PREFIX_PATH
endif

.DEFAULT_GOAL := build
.PHONY: build demo test lint peers format setup clean help

build: ## build/bin/assay (the default)
	@tools/setup.sh
	@tools/build.sh

demo: ## set-up, build, then a small study on real images and its report in demo/
	@tools/demo.sh

test: ## set-up, build, all tests
	@tools/test.sh

lint: ## layers, READMEs, formatting, clang-tidy on what changed, tracked files
	@tools/lint.sh

peers: ## run the tools people use now and us on the same data, and print the ratios
	@tools/peers.sh

format: ## clang-format on every tracked source
	@tools/setup.sh lint
	@tools/sources.sh | xargs -r -d '\n' clang-format-14 -i

setup: ## install what is missing: Debian packages, LibTorch
	@tools/setup.sh test lint

clean: ## remove build/
	@rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile
	@sed -n '/^#  /s/^#  //p' Makefile
