#!/bin/bash
# Formats Kafka's data folder on the first start, with the administrator as its first user, and runs the broker.
# Straight from the jars: the image's own scripts would write into a root file system that is read-only here.
set -euo pipefail
umask 077

here=$(dirname "$0")
libs=${KAFKA_LIBS:-/opt/kafka/libs}
data=${KAFKA_DATA:-/var/lib/kafka/data}
secrets=${KAFKA_SECRETS:-/run/secrets}
properties=${KAFKA_PROPERTIES:-$here/server.properties}
scratch=${TMPDIR:-/tmp}
run=(java "-Xms${KAFKA_HEAP:-512m}" "-Xmx${KAFKA_HEAP:-512m}" -XX:+ExitOnOutOfMemoryError "-Djava.io.tmpdir=$scratch"
    "-Dlog4j2.configurationFile=$here/log4j2.properties" -cp "$libs/*")

if [[ ! -e $data/meta.properties ]]; then
    # The password goes by a file that only this user reads, never on a command line. `=`: an id may begin with `-`.
    arguments=$(mktemp "$scratch/format.XXXXXX")
    trap 'rm -f "$arguments"' EXIT
    printf '%s\n' format "--cluster-id=$("${run[@]}" kafka.tools.StorageTool random-uuid)" "--config=$properties" \
        "--add-scram=SCRAM-SHA-512=[name=admin,password=$(<"$secrets/kafka_admin")]" >"$arguments"
    "${run[@]}" kafka.tools.StorageTool "@$arguments" >/dev/null  # It would print what the password is checked by.
    rm -f "$arguments"
    trap - EXIT
fi
exec "${run[@]}" kafka.Kafka "$properties"
