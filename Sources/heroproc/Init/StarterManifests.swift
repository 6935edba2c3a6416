import HeroJSON
import HeroManifest

/// The files that `init` writes: a valid example that runs on any machine and explains more fields in comments.
enum StarterManifests {
    /// One file.
    struct File {
        /// The path below the services directory.
        let path: String
        /// The content.
        let text: String
    }

    /// The path of the schema.
    ///
    /// Directories whose name begins with a dot are not searched for manifests.
    static let schemaPath = ".schema/manifest.schema.json"

    /// The manifests and the schema.
    ///
    /// The first line of each manifest names the schema for editors.
    ///
    /// - Parameter hero: whether `hero_db` is declared; otherwise the settings require no core service.
    /// - Returns: the files.
    static func files(hero: Bool) -> [File] {
        [
            File(path: "hello.yaml", text: schemaLine + hello),
            File(path: "prepare.yaml", text: schemaLine + prepare),
            hero
                ? File(path: "hero_db.yaml", text: schemaLine + heroDatabase)
                : File(path: "settings.yaml", text: schemaLine + settings),
            File(path: schemaPath, text: ManifestSchema.json),
        ]
    }

    private static let schemaLine = "# yaml-language-server: $schema=\(schemaPath)\n"

    private static let hello = #"""
        # hello: a service with one process that is kept running.
        kind: Service
        name: hello
        description: Says hello every ten seconds.
        requires: [prepare] # starts when prepare has succeeded; stops before it
        # requires: [{service: prepare, until: ended, cascade: false}] # starts when prepare has ended, in any way
        # status: stop # do not run it; `ignore`: do not touch it; `spec`: declare it only

        # A service with one program has its keys here; several programs are a list in `actions`. The program is
        # restarted when it ends; with `is_process: false` it runs once.
        env:
          GREETING: hello
        # `sh` runs a script. A program with its arguments is a list instead:
        #   exec: [python3, -m, http.server, "8080"]
        # The directory in which it runs; without it `/`. A relative one begins at the directory of this file.
        cwd: ..
        script: |
          while true; do
            echo "$GREETING, it is $(date)"
            sleep 10
          done
        # A port that it binds: no other service may claim it. The service is ready when it listens there.
        # tcp_ports: ["127.0.0.1:8080"]
        # ready: {http: "http://127.0.0.1:8080/health"}
        # health: {tcp: 8080, memory_below: 1GiB, then: report} # without `then: report` it is restarted
        stop: {signal: TERM, timeout: 5s} # then the process tree is killed; `exec: [..]` runs before the signal
        retry: {delay: 500ms, max_delay: 30s} # the delay before a restart
        # retry: {max_attempts: 5, within: 1m} # gives up after five starts within a minute
        # files: [hello.conf] # a change of its content restarts the service, or reloads it:
        # reload: {signal: HUP} # or `{exec: [..]}`, which must exit with 0
        # essential: true # then its end stops everything; see `reconcile --watch --down-on-exit`
        # folders: [/var/lib/hello] # made before the start if they are missing
        log: {max_size: 10MiB, keep: 5} # `link: /var/log/hello.log` adds a link that leads to the current log

        """#

    private static let prepare = #"""
        # prepare: runs once. It is ready when it has succeeded. Services that require it wait for that.
        kind: Service
        name: prepare
        description: Prepares what the other services need.
        is_process: false # it runs once
        script: |
          set -eu
          echo "nothing to prepare yet"
        # once: true # after a success it does not run again until its script or its generation changes
        timeout: 1m # after this time it is stopped and has failed
        retry: {max_attempts: 3, delay: 1s}
        # A one-shot in `kind: Action` can run by the clock, outside of services:
        #   schedule: {cron: "0 3 * * *", timezone: local, jitter: 1h, catch_up: true}

        """#

    private static let heroDatabase = #"""
        # hero_db: the store that other services need. heroproc requires its declaration, because without it most
        # systems do not work. A machine that needs none has `kind: Settings` with `required: []` instead.
        kind: Service
        name: hero_db
        description: The store of the other services.
        class: system # `heroproc down` does not stop it; `heroproc down --all` does
        required: true
        exec: [hero_db_server]

        """#

    private static let settings = #"""
        # Settings for all manifests; at most one file has them.
        kind: Settings
        # Services that must be declared. The default is `core/hero_db`, the store that most systems need. This example
        # works without it. Remove the last line when you declare it:
        #   kind: Service
        #   name: hero_db
        #   class: system # `heroproc down` does not stop it
        #   required: true
        #   exec: [hero_db_server]
        required: []
        # Values for ${NAME} in manifests, and files of NAME=VALUE lines with more of them:
        # vars: {PORT: 8080}
        # vars_files: [.env]
        # Values for all services and actions that do not set them:
        # defaults:
        #   env: {LANG: C.UTF-8}
        #   limits: {nofile: {soft: 1024, hard: 65536}}

        """#
}
