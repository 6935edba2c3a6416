import HeroModel
import Testing

@testable import HeroManifest

@Suite("Proposals of diagnostics")
struct ProposalTests {
    /// The codes of errors that the same file has besides, and that the wrong text only hides.
    private static let otherMistakes: Set<String> = ["conflict-wanted", "interpreter-without-script"]

    @Test("A proposal that is put in place removes its diagnostic", arguments: ManifestCase.all("bad"))
    func proposalsAreAccepted(_ manifestCase: ManifestCase) throws {
        let files = try manifestCase.files()
        for diagnostic in Manifests.read(files, options: manifestCase.options).diagnostics {
            for proposal in Proposals.all(of: diagnostic) {
                guard let corrected = Proposals.apply(proposal, of: diagnostic, to: files) else { continue }
                let remaining = Manifests.read(corrected, options: manifestCase.options).diagnostics.filter {
                    $0.location == diagnostic.location && $0.severity == .error && !Self.otherMistakes.contains($0.code)
                }
                #expect(
                    remaining.isEmpty,
                    "`\(proposal)` for `\(diagnostic.message)` causes: \(remaining.map(\.message))"
                )
            }
        }
    }

    @Test("Most diagnostics with a proposal are covered by the cases")
    func proposalsAreCovered() throws {
        var applied = 0
        for manifestCase in ManifestCase.all("bad") {
            let files = try manifestCase.files()
            for diagnostic in Manifests.read(files, options: manifestCase.options).diagnostics {
                applied += Proposals.all(of: diagnostic).count { Proposals.apply($0, of: diagnostic, to: files) != nil }
            }
        }
        #expect(applied >= 120)
    }

    static let foreignKeys: [(line: String, isInService: Bool, help: String)] = [
        ("before: [db]", true, "write this service in `after` of each service that must start later"),
        ("Before: db", true, "write this service in `after` of each service that must start later"),
        ("disabled: true", true, "write `status: stop` in the service"),
        ("disabled: no", true, "write `status: start` in the service"),
        ("enabled: true", true, "write `status: start` in the service"),
        ("enabled: false", true, "write `status: stop` in the service"),
        ("autostart: false", true, "write `status: stop` in the service"),
        ("pre_start: x", true, "list a one-shot before the program in `actions`"),
        ("ExecStartPre: x", true, "list a one-shot before the program in `actions`"),
        ("post_stop: x", true, "list a one-shot with `when: stopped`"),
        ("image: nginx", true, "write the program in `exec`"),
        ("depends_on: [db]", true, "write `requires`, or remove the key"),
        ("environment: {A: 1}", true, "write `env`, or remove the key"),
        ("working_dir: /srv", true, "write `cwd`, or remove the key"),
        ("WorkingDirectory: /srv", true, "write `cwd`, or remove the key"),
        ("EnvironmentFile: a.env", true, "write `env_file`, or remove the key"),
        ("restart_policy: always", true, "`restart` is a key of an action: write it in an item of `actions`"),
        ("autorestart: true", true, "`restart` is a key of an action: write it in an item of `actions`"),
        ("ExecStart: /bin/true", true, "`exec` is a key of an action: write it in an item of `actions`"),
        ("command: /bin/true", true, "`exec` is a key of an action: write it in an item of `actions`"),
        ("replicas: 3", true, "declare one service for each copy"),
        ("WantedBy: multi-user.target", true, "write this service in `wants` of the service that wants it"),
        ("stop_order: [a]", true, "remove it: actions stop in the reverse order of their start"),
        ("unprotect: true", true, "the keys of a service are"),
        ("not_required: true", true, "the keys of a service are"),
        ("startsecs: 5", false, "write `alive_for` in the map `ready`"),
        ("startsecs: 5", true, "write `alive_for` in the map `ready` of an action"),
        ("min_uptime: 5", false, "write `alive_for` in the map `ready`"),
        ("max_restarts: 5", false, "write `max_attempts` in the map `retry`"),
        ("LimitMEMLOCK: infinity", false, "write `memlock` in the map `limits`"),
        ("health: {test: [a]}", false, "write `exec`, or remove the key"),
        ("test: nc -z localhost 80", false, "write it as `ready: {exec: [..]}`"),
        ("shutdown: {signal: 2}", false, "write `stop`, or remove the key"),
        ("log_location: a.log", false, "write `link` in the map `log`"),
        (
            "availability: {restart: always}", false,
            "write `restart: on_failure` and `retry: {max_attempts: 3, delay: 1s}`"
        ),
        ("watch: true", false, "raise `generation` for a restart"),
        ("waits-for: db", true, "write `wants`, or remove the key"),
        ("numprocs: 3", true, "declare one service for each copy"),
        ("profiles: [dev]", true, "write `status: spec` in a service that is only a definition"),
        ("Unit: {After: db}", true, "write its keys directly in the document of `kind: Service`"),
        ("IOSchedulingClass: idle", false, "write `io_priority`, or remove the key"),
        ("AmbientCapabilities: CAP_KILL", false, "write `capabilities`, or remove the key"),
        ("RestartSec: 5", false, "write `delay` in the map `retry`"),
        ("stop_timeout: 5s", false, "write `timeout` in the map `stop`"),
        ("stop_grace_period: 5s", false, "write `timeout` in the map `stop`"),
        ("LimitNOFILE: 5", false, "write `nofile` in the map `limits`"),
        ("PIDFile: /run/a.pid", false, "write `pid_file`, or remove the key"),
        ("type: oneshot", false, "write `is_process: true` in an action that runs for ever"),
        ("retry: {min_delay: 1s}", false, "the keys of `retry` are"),
        ("log: {min_size: 1MiB}", false, "the keys of `log` are"),
        ("pre_start: x", false, "list a one-shot before the program in `actions`"),
        ("exec_: [a]", false, "remove the key"),
    ]

    @Test("A key of another tool leads to what it means here", arguments: foreignKeys)
    func foreignKey(_ line: String, _ isInService: Bool, _ help: String) throws {
        let text =
            isInService
            ? "kind: Service\nname: web\n\(line)\nactions: [{name: main, exec: [web]}]\n"
            : "kind: Service\nname: web\nactions:\n  - name: main\n    exec: [web]\n    \(line)\n"
        let found = Proposals.read(text).diagnostics
        let diagnostic = try #require(found.first { $0.code == "unknown-key" })
        #expect(diagnostic.help?.contains(help) == true, "\(diagnostic.message): \(diagnostic.help ?? "")")
        if !help.contains("remove the key") { #expect(!diagnostic.message.contains("did you mean")) }
    }

    @Test("Every key that a key of another tool leads to exists")
    func targetsExist() {
        let paths =
            ServiceSpec.fields.flatMap(\.paths).map(\.path) + ActionSpec.fields.flatMap(\.paths).map(\.path)
            + Settings.fields.flatMap(\.paths).map(\.path)
        let names = Set(paths.flatMap { $0.split(separator: ".").map { String($0.prefix { $0 != "[" }) } })
        for (key, target) in ForeignKey.synonyms.merging(ForeignKey.innerSynonyms, uniquingKeysWith: { $1 }) {
            let isKnown = target.contains(".") ? paths.contains(target) : names.contains(target)
            #expect(isKnown, "\(key) leads to \(target)")
        }
    }

    static let commands: [(text: String, program: ActionSpec.Program)] = [
        ("sleep 10", .exec(["sleep", "10"])),
        ("/usr/bin/web -p 8080 --name 'two words'", .exec(["/usr/bin/web", "-p", "8080", "--name", "two words"])),
        ("env \"A=1\" web", .exec(["env", "A=1", "web"])),
        ("echo null ~ no 1e3", .script("echo null ~ no 1e3", interpreter: nil)),
        ("echo null no 1e3", .exec(["echo", "null", "no", "1e3"])),
        ("web | tee log", .script("web | tee log", interpreter: nil)),
        ("A=1 web", .script("A=1 web", interpreter: nil)),
        ("cd /srv && exec web", .script("cd /srv && exec web", interpreter: nil)),
        ("echo a;  echo \"b\"", .script("echo a;  echo \"b\"", interpreter: nil)),
        ("echo $HOME", .script("echo $HOME", interpreter: nil)),
    ]

    @Test("The proposal for a command that is one text is the same command", arguments: commands)
    func command(_ text: String, _ program: ActionSpec.Program) throws {
        let quoted = text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
        let source = "kind: Service\nname: web\nactions:\n  - name: main\n    exec: '\(quoted)'\n"
        let files = [ManifestFile(path: "web.yaml", baseDirectory: "/srv", bytes: Array(source.utf8))]
        let diagnostic = try #require(Proposals.read(source).diagnostics.first)
        let proposal = try #require(Proposals.all(of: diagnostic).first, "\(diagnostic.help ?? "")")
        let corrected = try #require(Proposals.apply(proposal, of: diagnostic, to: files))
        let desired = try #require(Manifests.read(corrected, options: Proposals.options).desired, "\(proposal)")
        #expect(desired.services[QualifiedName("web")]?.spec.actions.first?.program == program)
    }

    static let values: [(line: String, help: String)] = [
        ("limits: {nofile: infinity}", "write `nofile: unlimited`"),
        ("limits: {nofile: \"4096\"}", "write it as `nofile: 4096`"),
        ("limits: {nofile: 65_536}", "write it as `nofile: 65536`"),
        ("is_process: no", "write it as `is_process: false`"),
        ("is_process: off", "write it as `is_process: false`"),
        ("is_process: maybe", "write `true` or `false`, such as `is_process: true`"),
        ("success_exit_codes: [a]", "write a whole number from 0 to 255"),
        ("success_exit_codes: 3", "write it as `success_exit_codes: [3]`"),
        ("tcp_ports: 8080", "write it as `tcp_ports: [8080]`"),
        ("tcp_ports: [8080/tcp]", "write it as `8080`"),
        ("tcp_ports: [\"80:8080\"]", "write the port that the program binds, such as `8080`"),
        ("sockets: /run/web.sock", "write it as `sockets: [/run/web.sock]`"),
        ("env: [A=1, \"B=two words\"]", "write it as `env: {A: 1, B: \"two words\"}`"),
        ("env: A=1", "write it as `env: {A: 1}`"),
        ("start_timeout: 5 min", "write it as `start_timeout: 5m`"),
        ("start_timeout: 1h30m", "write it as `start_timeout: 90m`"),
        ("start_timeout: 1.5h", "write it as `start_timeout: 90m`"),
        ("start_timeout: PT5M", "write it as `start_timeout: 5m`"),
        ("start_timeout: 30", "write `30s` for seconds"),
        ("start_timeout: 0", "add a unit: ms, s, m, h or d"),
        ("start_timeout: soon", "write a whole number and one unit"),
        ("restart: no", "write one of `always`, `on_failure` or `never`"),
        ("stop: {signal: 15}", "write a signal name"),
    ]

    @Test("The help for a wrong value has the value of the author, or the rule", arguments: values)
    func value(_ line: String, _ help: String) throws {
        let text = "kind: Service\nname: web\nactions:\n  - name: main\n    exec: [web]\n    \(line)\n"
        let diagnostic = try #require(Proposals.read(text).diagnostics.first)
        #expect(diagnostic.help?.contains(help) == true, "\(diagnostic.message): \(diagnostic.help ?? "")")
    }

    static let schedules: [(line: String, help: String)] = [
        ("every: \"@every 5m\"", "write it as `every: 5m`"),
        ("cron: \"@every 5m\"", "write it as `every: 5m`"),
        ("every: 5 minutes", "write it as `every: 5m`"),
    ]

    @Test("An interval of another tool is proposed in the spelling of heroproc", arguments: schedules)
    func schedule(_ line: String, _ help: String) throws {
        let text = "kind: Action\nname: web\nexec: [web]\nschedule:\n  \(line)\n"
        let diagnostic = try #require(Proposals.read(text).diagnostics.first)
        #expect(diagnostic.help?.contains(help) == true, "\(diagnostic.message): \(diagnostic.help ?? "")")
    }
}

/// Finds the proposals of diagnostics and puts them in place of the text that they are about.
private enum Proposals {
    static let options = ManifestOptions(requiresCore: false)

    static func read(_ text: String) -> ManifestResult {
        Manifests.read(
            [ManifestFile(path: "web.yaml", baseDirectory: "/srv", bytes: Array(text.utf8))],
            options: options
        )
    }

    /// Returns the texts that a diagnostic proposes for its own place.
    static func all(of diagnostic: Diagnostic) -> [String] {
        // The place of a variable is a part of a text.
        guard diagnostic.code != "unresolved-variable" else { return [] }
        var result: [String] = []
        if let text = text(after: "did you mean `", in: diagnostic.message) { result.append(text) }
        for opening in ["write it as `", "write `"] {
            guard let help = diagnostic.help, help.hasPrefix(opening), let text = text(after: opening, in: help) else {
                continue
            }
            let rest = help.dropFirst(opening.count + text.count + 1)
            let isProposal =
                opening == "write it as `" || rest.hasPrefix(" for seconds") || rest.hasPrefix(" for bytes")
                || rest == ", or remove the key"
            if isProposal { result.append(text) }
        }
        return result
    }

    private static func text(after opening: String, in text: String) -> String? {
        guard let range = text.firstRange(of: opening) else { return nil }
        return String(text[range.upperBound...].prefix { $0 != "`" })
    }

    /// Returns the files with a proposal in place; nil if the text in that place has several lines.
    static func apply(_ proposal: String, of diagnostic: Diagnostic, to files: [ManifestFile]) -> [ManifestFile]? {
        guard let location = diagnostic.location, let excerpt = diagnostic.excerpt,
            let index = files.firstIndex(where: { $0.path == location.file })
        else { return nil }
        let scalars = Array(excerpt.unicodeScalars)
        let column = location.column - 1
        guard column + diagnostic.length <= scalars.count else { return nil }
        var before = string(scalars[..<column])
        let old = string(scalars[column..<column + diagnostic.length])
        let after = string(scalars[(column + diagnostic.length)...])
        // Blocks of several lines are tested one by one.
        guard !old.hasPrefix("- "), !["|", ">"].contains(old.prefix(1)) else { return nil }
        var new = proposal
        if let colon = proposal.firstRange(of: ": "), diagnostic.code != "unknown-key" {
            // The proposal is an entry. Its key replaces the key before the value.
            guard before.hasSuffix(": ") else { return nil }
            let key = before.dropLast(2).reversed().prefix { $0.isLetter || $0.isNumber || $0 == "_" }.count
            guard key > 0 else { return nil }
            before = String(before.dropLast(2 + key)) + String(proposal[..<colon.upperBound])
            new = String(proposal[colon.upperBound...])
        }
        var lines = String(decoding: files[index].bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.indices.contains(location.line - 1), lines[location.line - 1] == excerpt else { return nil }
        lines[location.line - 1] = before + new + after
        var result = files
        result[index].bytes = Array(lines.joined(separator: "\n").utf8)
        return result
    }

    private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var result = ""
        result.unicodeScalars.append(contentsOf: scalars)
        return result
    }
}
