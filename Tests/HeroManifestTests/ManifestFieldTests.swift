import HeroModel
import SchemaValidation
import Testing

@testable import HeroManifest

/// Tests every key at any depth with two values: the cost of a change, and the ends of its range.
@Suite("Every manifest field")
struct ManifestFieldTests {
    /// Two different values of a key, in flow style.
    private struct Sample {
        let before: String
        let after: String

        init(_ before: String, _ after: String) {
            self.before = before
            self.after = after
        }
    }

    private static func sample(_ path: PropertyPath) -> Sample? {
        switch path.path {
        case "name", "context", "actions", "hold.until", "hold.reason": nil
        case "script": Sample("a", "b")
        case "interpreter": Sample("bash", "/bin/sh")
        case "run_on": Sample("none", "apply")
        case "no_new_privs": Sample("true", "false")
        case "ready.http", "health.http": Sample("http://127.0.0.1/a", "\"http://[::1]:81/a\"")
        case "ready.http.expect", "health.http.expect": Sample("[200]", "[204, 200]")
        case "ready.alive_for": Sample("2s", "3s")
        case "retry.factor": Sample("3", "2.5")
        case "ready.notify": nil
        default: sample(path.property.valueSchema, path.path)
        }
    }

    private static func sample(_ schema: ValueSchema, _ path: String) -> Sample? {
        switch schema {
        case .bool: Sample("true", "false")
        case .constantTrue, .object, .action: nil
        case .text: Sample("one", "\"two words\"")
        case .formatted(let text): textSample(text)
        case .duration: Sample("5m", "6m")
        case .size: Sample("3MiB", "4MB")
        case .integer: Sample("3", "7")
        case .number: Sample("1", "0.5")
        case .enumeration(let values): values.count > 1 ? Sample(values[0], values[1]) : nil
        case .signal: Sample("HUP", "SIGUSR1")
        case .list(let item, atLeast: _):
            sample(item, path).map { Sample("[\($0.before)]", "[\($0.before), \($0.after)]") }
        case .map(let value): sample(value, path).map { Sample("{A: \($0.before)}", "{A: \($0.after)}") }
        case .either(let first, _): sample(first, path)
        }
    }

    private static func textSample(_ format: TextFormat) -> Sample? {
        switch format {
        case .name: Sample("one", "two")
        case .reference: Sample("one", "two")
        case .path: Sample("one", "/two")
        case .program: Sample("bash", "zsh")
        case .account: Sample("www", "1000")
        case .umask: Sample("027", "077")
        case .mode: Sample("0700", "2750")
        case .endpoint: Sample("81", "\"127.0.0.1:82\"")
        case .url: Sample("http://a/", "http://b/")
        case .requestPath: Sample("/a", "/b")
        case .regex: Sample("up", "ready")
        case .cron: Sample("\"0 4 * * *\"", "\"0 5 * * *\"")
        case .timeZone: Sample("Asia/Tokyo", "Europe/Brussels")
        case .variable: Sample("A", "B")
        case .ioPriority: Sample("idle", "best_effort:3")
        case .capability: Sample("KILL", "CAP_SETUID")
        default: nil
        }
    }

    /// Formats a path with a value as one flow map: `{retry: {delay: 1s}}` without its braces.
    private static func flowMapping(_ path: String, _ value: String) -> String {
        var parts = path.split(separator: ".").map(String.init)
        var text = value
        while let part = parts.popLast() {
            let key = part.hasSuffix("[]") ? String(part.dropLast(2)) : part
            text = part.hasSuffix("[]") ? "\(key): [\(text)]" : "\(key): \(text)"
            if !parts.isEmpty { text = "{\(text)}" }
        }
        return text
    }

    private static func read(_ text: String) -> ManifestResult {
        let others = ["one", "two"].map {
            "kind: Service\nname: \($0)\nstatus: stop\nactions: [{name: a, exec: [a]}]\n"
        }
        let file = ManifestFile(
            path: "x.yaml",
            baseDirectory: "/srv",
            bytes: Array((others + [text]).joined(separator: "---\n").utf8)
        )
        return Manifests.read([file], options: ManifestOptions(requiresCore: false))
    }

    /// Makes a service with one additional key.
    private static func service(_ path: String, _ value: String) -> String {
        var (path, value) = (path, value)
        if path == "env_file[].optional" || path == "env_file.optional" {
            value = "{optional: \(value), path: a}"
            path = "env_file"
        }
        if path.hasPrefix("requires[]."), path != "requires[].service" {
            value = "{\(path.dropFirst("requires[].".count)): \(value), service: one}"
            path = "requires[]"
        }
        return serviceText(path, value)
    }

    private static func serviceText(_ path: String, _ value: String) -> String {
        "{kind: Service, name: web, actions: [{name: main, exec: [a]}], \(flowMapping(path, value))}\n"
    }

    /// Makes an action document with one additional key and the other keys that this key requires.
    private static func action(_ path: String, _ value: String) -> String {
        let program =
            switch path {
            case "exec", "script": ""
            case "interpreter": ", script: a"
            default: ", exec: [a]"
            }
        var isProcess = path.hasPrefix("health") || path.hasPrefix("reload") ? ", is_process: true" : ""
        if path == "ready.alive_for" { isProcess += ", start_timeout: 36500d" }
        var (path, value) = (path, value)
        if path == "reload.timeout" { (path, value) = ("reload", "{timeout: \(value), exec: [a]}") }
        if path == "retry.within" { (path, value) = ("retry", "{within: \(value), max_attempts: 3}") }
        for map in ["ready", "health", "schedule"] where path.hasPrefix(map + ".") {
            let key = String(path.dropFirst(map.count + 1))
            let checkKeys = [
                "tcp", "http", "exec", "unix", "log", "notify", "fd", "alive_for", "watchdog", "cron", "every",
            ]
            let check = map == "schedule" ? "every: 1d" : "tcp: 80"
            if !checkKeys.contains(String(key.prefix { $0 != "." })) {
                value = "{\(key): \(value), \(check)}"
                path = map
            }
        }
        for map in ["ready.http", "health.http"] where path.hasPrefix(map + ".") {
            let key = path.dropFirst(map.count + 1)
            guard key != "url", key != "unix" else { continue }
            value = "{\(key): \(value), unix: /run/a}"
            path = map
        }
        if path.hasPrefix("limits."), path.hasSuffix(".soft") || path.hasSuffix(".hard") {
            // Both are required, and the soft limit is not greater than the hard one.
            value = "{soft: \(value), hard: \(value)}"
            path = String(path.dropLast(5))
        }
        if path == "env_file[].optional" || path == "env_file.optional" {
            value = "{optional: \(value), path: a}"
            path = "env_file"
        }
        if path.hasPrefix("folders[]."), path != "folders[].path" {
            value = "{\(path.dropFirst("folders[].".count)): \(value), path: /a}"
            path = "folders[]"
        }
        if path == "tcp_ports[].reuseport" {
            value = "{reuseport: \(value), port: 80}"
            path = "tcp_ports[]"
        }
        return "{kind: Action, name: job\(program)\(isProcess), \(flowMapping(path, value))}\n"
    }

    @Test(
        "A changed service field changes only its part of the spec, at its declared cost",
        arguments: ServiceSpec.fields.flatMap(\.paths).map(\.path)
    )
    func serviceFieldChangesSpec(_ name: String) throws {
        let path = try #require(ServiceSpec.fields.flatMap(\.paths).first { $0.path == name })
        guard let sample = Self.sample(path) else { return expectNoSampleNeeded(path) }
        let before = Self.read(Self.service(name, sample.before))
        let after = Self.read(Self.service(name, sample.after))
        let web = QualifiedName("web")
        let old = try #require(before.desired?.services[web], "\(GoldenText.diagnostics(before.diagnostics))").spec
        let new = try #require(after.desired?.services[web], "\(GoldenText.diagnostics(after.diagnostics))").spec
        try check(CanonicalSpec(old), CanonicalSpec(new), path)
    }

    @Test(
        "A changed action field changes only its part of the spec, at its declared cost",
        arguments: ActionSpec.fields.flatMap(\.paths).map(\.path)
    )
    func actionFieldChangesSpec(_ name: String) throws {
        let path = try #require(ActionSpec.fields.flatMap(\.paths).first { $0.path == name })
        guard let sample = Self.sample(path) else { return expectNoSampleNeeded(path) }
        let before = Self.read(Self.action(name, sample.before))
        let after = Self.read(Self.action(name, sample.after))
        let job = QualifiedName("job")
        let old = try #require(before.desired?.actions[job], "\(GoldenText.diagnostics(before.diagnostics))").spec
        let new = try #require(after.desired?.actions[job], "\(GoldenText.diagnostics(after.diagnostics))").spec
        // Actions are compared as parts of a service; the kind of the action determines two defaults.
        func canonical(_ spec: ActionSpec) -> CanonicalSpec {
            CanonicalSpec(ServiceSpec(QualifiedName("web"), actions: [spec]))
        }
        try check(canonical(old), canonical(new), path, prefix: "actions.job.")
    }

    /// Expects that a field without a sample is a map of other fields, or identifies a service or an action.
    private func expectNoSampleNeeded(_ path: PropertyPath) {
        // A hold is not compared.
        let identity = ["name", "context", "actions", "ready.notify", "hold.until", "hold.reason"]
        if case .object = path.property.valueSchema { return }
        #expect(identity.contains(path.path), "\(path.path) has no sample")
    }

    private func check(
        _ old: CanonicalSpec,
        _ new: CanonicalSpec,
        _ path: PropertyPath,
        prefix: String = ""
    ) throws {
        let before = old.values
        let after = new.values
        let changed = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.map(\.text)
        #expect(!changed.isEmpty, "a change of \(path.path) has no effect on the spec")
        let field = path.path.prefix { $0 != "." && $0 != "[" }
        for key in changed {
            #expect(key == prefix + field || key.hasPrefix("\(prefix)\(field)."), "\(path.path) changed \(key)")
            #expect(CanonicalSpec.cost(of: key) == path.cost)
        }
    }

    /// Returns the values at the ends of a range, and values just outside it.
    private static func rangeEnds(_ schema: ValueSchema) -> (valid: [String], invalid: [String])? {
        switch schema {
        case .integer(let range):
            (
                [String(range.lowerBound), String(range.upperBound)],
                [String(range.lowerBound - 1), String(range.upperBound + 1)]
            )
        case .number(let range):
            (
                [Canonical.number(range.lowerBound), Canonical.number(range.upperBound)],
                [Canonical.number(range.lowerBound - 0.001), Canonical.number(range.upperBound + 1)]
            )
        case .size(let range):
            (
                [Canonical.size(range.lowerBound), Canonical.size(range.upperBound)],
                (range.lowerBound > 0 ? ["\(range.lowerBound - 1)B"] : []) + ["\(range.upperBound + 1)B"]
            )
        case .duration(let range):
            (
                [Canonical.duration(range.lowerBound), Canonical.duration(range.upperBound)],
                (range.lowerBound > .zero ? [Canonical.duration(range.lowerBound - .milliseconds(1))] : [])
                    + [Canonical.duration(range.upperBound + .milliseconds(1))]
            )
        case .list(let item, atLeast: _):
            rangeEnds(item).map { ($0.valid.map { "[\($0)]" }, $0.invalid.map { "[\($0)]" }) }
        case .either(let first, _): rangeEnds(first)
        case .bool, .constantTrue, .text, .formatted, .enumeration, .signal, .map, .object, .action: nil
        }
    }

    @Test("An action accepts the ends of every range and refuses values outside it")
    func actionRanges() {
        for path in ActionSpec.fields.flatMap(\.paths) {
            guard let ends = Self.rangeEnds(path.property.valueSchema) else { continue }
            for value in ends.valid { expectResult(Self.action(path.path, value), isValid: true) }
            for value in ends.invalid { expectResult(Self.action(path.path, value), isValid: false) }
        }
    }

    /// Makes settings with one key.
    private static func settings(_ path: String, _ value: String) -> String {
        let isPart = path.hasPrefix("defaults.limits.") && (path.hasSuffix(".soft") || path.hasSuffix(".hard"))
        let mapping =
            isPart
            ? flowMapping(String(path.dropLast(5)), "{soft: \(value), hard: \(value)}") : flowMapping(path, value)
        return "{kind: Settings, \(mapping)}\n"
    }

    @Test("Settings accept the ends of every range and refuse values outside it")
    func settingsRanges() {
        for path in Settings.fields.flatMap(\.paths) {
            guard let ends = Self.rangeEnds(path.property.valueSchema) else { continue }
            for value in ends.valid {
                expectResult(Self.settings(path.path, value), isValid: true)
            }
            for value in ends.invalid {
                expectResult(Self.settings(path.path, value), isValid: false)
            }
        }
    }

    private func expectResult(_ text: String, isValid: Bool) {
        let found = Self.read(text).diagnostics.filter { $0.severity == .error }
        #expect(found.isEmpty == isValid, "\(text)\(GoldenText.diagnostics(found))")
        if !isValid {
            #expect(found.allSatisfy { $0.code == "out-of-range" || $0.code == "invalid-duration" }, "\(text)")
        }
    }

    @Test("The decoder knows exactly the keys of every map in the field tables")
    func keyTablesMatchForms() {
        func check<Draft>(_ table: KeyTable<Draft>, _ schema: ObjectSchema) {
            #expect(table.keys.map(\.name) == schema.properties.map(\.key), "\(table.owner)")
        }
        check(ServiceDraft.startTable, .start)
        check(ServiceDraft.stopTable, .serviceStop)
        check(ServiceDraft.shortStopTable, .shortFormStop)
        check(StopDraft.actionTable, .stop)
        check(StopDraft.settingsTable, .stop)
        check(RetryDraft.actionTable, .retry)
        check(RetryDraft.settingsTable, .retry)
        check(LogDraft.actionTable, .log)
        check(LogDraft.settingsTable, .defaultLog)
        check(LimitsDraft.actionTable, .limits)
        check(LimitsDraft.settingsTable, .limits)
        check(ProbeDraft.readyTable, .ready)
        check(ProbeDraft.healthTable, .health)
        check(ScheduleDraft.table, .schedule)
        check(FolderDraft.table, .folder)
        check(RetentionDraft.table, .retention)
        check(HoldDraft.table, .hold)
        check(ReloadDraft.table, .reload)
        check(SettingsDraft.defaultsTable, .defaults)
        #expect(SettingsDraft.table.keys.map(\.name) == ["kind"] + Settings.fields.map(\.key))
    }
}
