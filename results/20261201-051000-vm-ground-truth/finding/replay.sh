#!/bin/sh
exec "${FSYNCSTORM:-fsyncstorm}" cut replay "$(dirname "$0")"
