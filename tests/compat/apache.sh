#!/usr/bin/env bash
# Prints the directory that holds the jars of Apache ZooKeeper 3.9.3, fetching them first if need be.
# With the word `curator`: the directory of those of Curator 5.7.1, which come out of the same archive.
#
# The jars come out of the source distribution of pyspark, which carries an unmodified ZooKeeper, by
# way of pip: the one package registry that builds of this project already use. They are kept under
# ${XDG_CACHE_HOME:-~/.cache}/peer-zookeeper/3.9.3/lib; archive and server jars are checked against the
# sums below each time they are fetched, the server's jars each time they are used.
set -euo pipefail

version=3.9.3
pyspark=4.0.1
pyspark_sha256=9d1f22d994f60369228397e3479003ffe2dd736ba79165003246ff7bd48e2c73
server_sums="\
ad6570105768d18382a762325b4460368b7089a5a77c053e682b17942e0e72b5  zookeeper-$version.jar
be72e2c9099413a9878ce830b65bb22e0be755dc2a22b290550ab9e03b5b4cfa  zookeeper-jute-$version.jar"
curator_sums="\
611f7553fe7ed06713edcaae0098914a557cbb9724690c98137d05f1011fd3e9  curator-client-5.7.1.jar
4f6219d50789db25a78184beb664e11ec63583125692b99faab538f8dae74b87  curator-framework-5.7.1.jar
8d0cb2638483fc1909e1f60cc66219598477ffcf0434bccfcd4ed65c25395ef7  curator-recipes-5.7.1.jar"
# What a server needs: itself, its network library, its logging, its metrics, its command line.
wanted='(zookeeper(-jute)?|netty-(buffer|codec|common|handler|resolver|transport(-native-unix-common|-classes-epoll)?)|slf4j-api|log4j-(api|core|slf4j2-impl)|metrics-core|snappy-java|commons-(cli|io)|jackson-(annotations|core|databind))-[0-9.]+(Final)?'

home="${XDG_CACHE_HOME:-$HOME/.cache}/peer-zookeeper/$version"

fail() {
    echo "apache.sh: $1" >&2
    echo "apache.sh: the tests against Apache ZooKeeper need a Java runtime (17 or later) and its jars in" >&2
    echo "apache.sh: $home/lib. With a package index in reach this script fetches them;" >&2
    echo "apache.sh: without one, unpack apache-zookeeper-$version-bin.tar.gz and copy its lib/*.jar there," >&2
    echo "apache.sh: then: touch $home/complete" >&2
    exit 1
}

java_in_reach() {
    command -v java >/dev/null && return
    command -v apt-get >/dev/null || fail "there is no java, and no apt-get to install it"
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless; } \
        >&2 || fail "apt-get could not install openjdk-17-jre-headless"
}

server_jars_are_right() {
    (cd "$home/lib" && sha256sum --check --quiet - <<<"$server_sums") >&2
}

curator_jars_are_right() {
    [ -d "$home/curator" ] && (cd "$home/curator" && sha256sum --check --quiet - <<<"$curator_sums") >&2
}

fetch() {
    local work
    work=$(mktemp -d "$home/fetch.XXXXXX")
    # shellcheck disable=SC2064  # the directory is known here and nowhere else
    trap "rm -rf '$work'" EXIT
    echo "apache.sh: fetching pyspark $pyspark (434 MB, once)" >&2
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
        --dest "$work" "pyspark==$pyspark" >&2 || fail "pip could not download pyspark $pyspark"
    local archive="$work/pyspark-$pyspark.tar.gz"
    [ -f "$archive" ] || fail "pip left no $(basename "$archive")"
    sha256sum --check --quiet - <<<"$pyspark_sha256  $archive" >&2 \
        || fail "the archive of pyspark $pyspark is not the one this script knows"
    tar -xzf "$archive" -C "$work" --wildcards '*/deps/jars/*.jar'
    mkdir -p "$home/lib" "$home/curator"
    find "$work" -name 'curator-*.jar' -exec mv -t "$home/curator" {} +
    find "$work" -name '*.jar' -regextype posix-extended -regex ".*/$wanted\.jar" -exec mv -t "$home/lib" {} +
    server_jars_are_right || fail "the archive does not hold the expected zookeeper-$version.jar"
    touch "$home/complete"
}

mkdir -p "$home" || fail "$home cannot be made"
{
    flock 9 # several test processes may find it missing at once
    java_in_reach
    [ -f "$home/complete" ] || fetch
    server_jars_are_right || fail "the jars in $home/lib are not those of ZooKeeper $version; remove $home"
    if [ "${1:-}" = curator ]; then
        curator_jars_are_right || fetch # an older one of these scripts left them in the archive
        curator_jars_are_right || fail "the archive does not hold the expected jars of Curator"
    fi
} 9>"$home/lock"
[ "${1:-}" = curator ] && echo "$home/curator" || echo "$home/lib"
