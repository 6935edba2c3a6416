import HeroManifest

/// What `init` writes: a set that is good as it is, runs on any machine, and says in its comments what else there is.
enum StarterManifests {
    /// A file of the set.
    struct File {
        /// Its path below the services directory.
        let path: String
        /// What it says.
        let text: String
    }

    /// Where the schema of manifests lies: a folder whose name begins with a dot is not looked into for manifests.
    static let schemaPath = ".schema/manifest.schema.json"

    /// The manifests; the first line of each tells editors what can stand in it.
    static let manifests: [File] = [
        File(path: "hello.yaml", text: schemaLine + hello),
        File(path: "prepare.yaml", text: schemaLine + prepare),
        File(path: "settings.yaml", text: schemaLine + settings),
    ]

    /// All of it.
    static let files = manifests + [File(path: schemaPath, text: ManifestSchema.json)]

    private static let schemaLine = "# yaml-language-server: $schema=\(schemaPath)\n"

    private static let hello = #"""
        # hello: a service with one process that must be kept alive.
        kind: Service
        name: hello
        description: Says hello every ten seconds.
        requires: [prepare] # starts once prepare is up; stopped before it is
        # status: stop # keep it down; `ignore` is hands off, `spec` is never run

        actions:
          - name: greeter
            is_process: true # kept alive for ever; without this line it would run once
            env:
              GREETING: hello
            # Scripts run under `sh`. A program with its arguments is written as a list instead:
            #   exec: [python3, -m, http.server, "8080"]
            script: |
              while true; do
                echo "$GREETING, it is $(date)"
                sleep 10
              done
            # What it binds: no other service may claim it, and it is ready when it listens there.
            # tcp_ports: ["127.0.0.1:8080"]
            # ready: {http: "http://127.0.0.1:8080/health"}
            stop: {signal: TERM, timeout: 5s} # then the whole process tree is killed
            retry: {delay: 500ms, max_delay: 30s} # how long to wait before it is started again
            log: {max_size: 10MiB, keep: 5}

        """#

    private static let prepare = #"""
        # prepare: a one-shot. It is up once it has ended well, and whoever requires it waits for that.
        kind: Service
        name: prepare
        description: Makes ready what the other services need.
        actions:
          - name: check
            script: |
              set -eu
              echo "nothing to prepare yet"
            timeout: 1m # longer than this, and it is ended and counts as failed
            retry: {max_attempts: 3, delay: 1s}

        """#

    private static let settings = #"""
        # What holds for the whole set; at most one file says it.
        kind: Settings
        # Services that must be declared. By default that is `core/hero_db`, the store that most systems need; this set
        # does without. Remove the line once you declare it:
        #   kind: Service
        #   name: hero_db
        #   class: system # `heroproc down` leaves it alone
        #   required: true
        #   actions:
        #     - {name: server, exec: [hero_db_server], is_process: true}
        required: []

        """#
}
