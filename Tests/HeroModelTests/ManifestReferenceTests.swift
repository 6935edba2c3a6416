import Foundation
import HeroManual
import HeroModel
import Testing

/// `docs/reference/manifest.md` is rendered from the fields, so that no field can be missing in it.
@Suite("Manifest reference")
struct ManifestReferenceTests {
    @Test("The manifest reference matches the fields (RECORD_GOLDENS=1 writes it)")
    func page() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/reference/manifest.md").standardized
        if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] != nil {
            try Self.rendered.write(to: file, atomically: true, encoding: .utf8)
            Issue.record("docs/reference/manifest.md was written; read it, and run the tests again")
        }
        let committed = try String(contentsOf: file, encoding: .utf8)
        #expect(committed == Self.rendered, "docs/reference/manifest.md does not match the fields")
    }

    private static var rendered: String {
        """
        # Manifests

        Each YAML document is one manifest: `kind: Service`, `kind: Action` or `kind: Settings`. A file can contain
        several documents, separated by `---`. Anchors, aliases, tags, duplicate keys and unknown keys are errors.

        - `cost` is the effect of a change on a running service: `none`, `in place` (without a restart), `next start`
          (when the program is started the next time; nothing is restarted for it), or `restart`.
        - Durations are `250ms 3s 10m 2h 7d`, sizes `512B 64KiB 10MiB 1GiB 64KB 10MB 1GB`. Numbers are decimal; `octal
          text` is octal with or without a leading zero.
        - A reference is `name`, in the context of its document, or `context/name`.
        - Relative paths (`cwd`, `env_file`, `from_file`, `sockets`, `pid_file`, `unix`, `folders`, `log.link`, `writable`,
          `hide`) are relative to the directory of their manifest. `~` is not expanded.
        - A socket that begins with `@`, as in `"@web"`, is an abstract socket: a name of the kernel without a file.
          Write `./@web` for a file of this name.
        - A signal has its name, with or without `SIG`: `TERM`, `USR1`, `RTMIN+3`, `RTMAX-1`.
        - `heroproc schema manifest` prints a JSON Schema of manifests for editors.

        ## kind: Service

        \(tables(ServiceSpec.fields))

        An undeclared service in `requires` is an error; in `after`, `wants` and `conflicts` it is a warning. A conflict
        between two services with `status: start` is an error, and so is a conflict with a required service of one of
        them. Conflicting services cannot declare the same port or socket either.

        An item of `requires` is a name, or a map that says how long the start waits and whether a stop cascades:

        ```yaml
        requires:
          - db                                            # up; a stop of db stops this service
          - {service: queue, until: started}              # its programs execute; they need not be ready
          - {service: migrate, until: ended}              # its one-shots have ended, with any exit code
          - {service: cache, cascade: false}              # up at the start; a later stop or restart does not matter
        ```

        `until` delays only the first start of a run: a restart after a crash does not wait. If the required service
        is down again before this service has started, the start waits again. With `cascade: false` the required
        service only orders stops, as `after` does; while it is stopped, this service is not started and its state is
        `blocked`. `until: ended` is an error for a service without a one-shot.

        `retry.max_attempts` limits consecutive attempts: after `stable_after` up they count from 1 again. With
        `retry.within` it limits the starts within that time instead, however long each program ran, and
        `stable_after` resets only the delay. `retry: {max_attempts: 5, within: 10s}` gives up at the fifth end within
        ten seconds of the first of five starts. A new reconciler continues to count from the recorded starts of the
        job.

        `stop.exec` is a command that asks the program to end, such as `[nginx, -s, quit]`. It runs before the signal,
        with the user, environment and working directory of the action, only while the main program is running, and
        for at most half of `stop.timeout`. The signal follows if the program is still running then. A command that
        fails is a warning event and changes nothing else. It runs before each stop of a running program: an ordered
        stop, a restart, an unhealthy program. A reconciler that is restarted during a stop does not run it again.

        When a service with `essential: true` has ended for good (its state is `exited` or `failed`), everything is
        stopped in stop waves, services of `class: system` too. `reconcile --watch --down-on-exit` then exits with the
        code of that service; any other reconciler acts as after `down --all`, and the history has the reason. An end
        before the current revision does not count, and neither does a stop. `essential` is an error where no action
        can end for good (`restart: always` without `max_attempts`).

        A one-shot with `when: stopped` runs when the rest of its service was stopped: once for each stop or restart
        that was ordered (also by a cascade), after a run that had started something, and before the stop of what the
        service requires. It may run for `timeout`, 30s by default. A failure is a failed job and an event, and holds
        nothing up. It does not run when the service ends by itself, when a crash heals, after a restart of the
        machine, and at a second Ctrl-C. A new reconciler finishes it.

        ```yaml
        actions:
          - {name: server, exec: [server], is_process: true}
          - {name: clean, exec: [rm, -rf, /run/server/cache], when: stopped}
        ```

        A one-shot with `once: true` does not run again after a success: not at a restart or a cascade, not after
        `down`, and not in another reconciler. It runs again when a field with the cost `restart` changes or its
        `generation` rises. Every spec that has succeeded is remembered, so going back to an earlier one does not run
        it either. `apply --revision` runs no action with `once`. The plan, `status` and `why` show when it ran. The
        records are kept apart from jobs, in the [database and in `once.json`](store.md#actions-with-once), and no
        cleanup removes them. If both are lost while other state exists, it is unknown whether the action ran: its
        service is `blocked` until its `generation` is raised. `once` is an error in a process, in a standalone action
        and together with `when: stopped`.

        ```yaml
        actions:
          - {name: migrate, exec: [migrate], once: true}
          - {name: server, exec: [server], is_process: true}
        ```

        A service with one program has a **short form**: the keys of the action are written in the service itself, and
        `actions` is not. The action is called `main`, and `is_process` is true unless the manifest says `false`.
        `stop` then has the keys of a service and of an action. These two services are equal, and replacing one by the
        other is no change:

        ```yaml
        kind: Service
        name: web
        exec: [web, --port, "8080"]
        tcp_ports: [8080]
        ---
        kind: Service
        name: web
        actions:
          - name: main
            is_process: true
            exec: [web, --port, "8080"]
            tcp_ports: [8080]
        ```

        ## kind: Action, also written inline below `actions`

        \(tables(ActionSpec.fields))

        - An action has either `exec` or `script`.
        - `ready` and `health` contain exactly one check: `tcp`, `http`, `exec`, `unix` or `log`. `ready` can also
          contain `alive_for`, `fd` or `notify`, and `health` can contain `watchdog`, and `memory_below` alone or with a check. With `notify` and `watchdog` the program
          reports its state itself ([probes](probes.md#programs-that-notify)). `health` is only for processes, not for
          one-shots.
        - A port of `tcp_ports` is `8080`, `"127.0.0.1:8080"` or `"[::1]:8080"`, or a map: `{port: 8080, reuseport:
          true}` [shares](../how-to/share-a-port.md) the port with other processes that listen on it. Two actions that
          declare the same port or socket are an error, unless both share the port.
        - An item of `folders` is a path, or a map: `{path: /var/lib/web, mode: "0750", user: www, group: www}`
          ([folders](users-and-limits.md#folders)). `log.link` is described in [files](files.md#a-link-to-the-log).
        - `context` is for an action in its own document; an inline action is in the context of its service.
        - `schedule` and `run_on` make an action in its own document a standalone action, which runs outside of
          services. It is a one-shot, and no service can list it. To run a program in both ways, write a second action.
        - `stop` takes effect in place for the stop of the main process. What the main process leaves behind when it
          ends is stopped with the `signal` and `timeout` of its start.
        - A limit of a process is one value, or `{soft: 1024, hard: 4096}`; every limit can be `unlimited`.
        - `timeout` is for one-shots; a process has `start_timeout` and `stop.timeout`.

        ## kind: Settings, at most one

        \(tables(Settings.fields))

        `defaults` apply to every service and action of the set that does not set the key itself. Maps are merged by
        key: the `env` of a service is merged with that of the defaults. The files of `defaults.env_file` are read
        before those of a service, and `env` overrides all of them. A change of a default is a change of these services
        and actions.

        """
    }

    /// Two tables: the meaning of each key, and its type, default value and cost of change.
    private static func tables<Spec>(_ fields: [Field<Spec>]) -> String {
        let paths = fields.flatMap(\.paths)
        let meanings = paths.map { "| `\($0.path)` | \($0.property.summary) |" }
        let values = paths.map { path in
            let property = path.property
            let type = FieldText.type(property).replacing("|", with: "\\|")
            return "| `\(path.path)` | \(type) | \(FieldText.defaultText(property.defaultValue)) | \(path.cost) |"
        }
        return "| key | meaning |\n|---|---|\n" + meanings.joined(separator: "\n")
            + "\n\n| key | type | default | cost |\n|---|---|---|---|\n" + values.joined(separator: "\n")
    }
}
