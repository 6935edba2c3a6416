import HeroModel
import Testing

@testable import HeroManifest

@Suite("Desired state of manifests")
struct DesiredStateTests {
    private func spec(_ text: String) throws -> ServiceSpec {
        let file = ManifestFile(path: "web.yaml", baseDirectory: "/srv/demo", bytes: Array(text.utf8))
        let result = Manifests.read([file], options: ManifestOptions(requiresCore: false))
        #expect(result.diagnostics.isEmpty, "\(GoldenText.diagnostics(result.diagnostics))")
        let desired = try #require(result.desired)
        return try #require(desired.services.values.first).spec
    }

    private static let plain = """
        kind: Service
        name: web
        env: {B: two, A: 1}
        actions:
          - name: server
            exec: [server, --port, 8080]
            is_process: true
            retry: {delay: 1000ms, factor: 1.5}
            ready: {tcp: 8080}
        """

    /// Texts with the same meaning as `plain`.
    private static let equivalentTexts: [(String, String)] = [
        (
            "keys in another order",
            """
            actions:
              - ready: {tcp: 8080}
                retry: {factor: 1.5, delay: 1000ms}
                is_process: true
                exec: [server, --port, 8080]
                name: server
            env: {A: 1, B: two}
            name: web
            kind: Service
            """
        ),
        (
            "comments, blank lines, block style and other quotes",
            """
            # the web
            kind: "Service"

            name: 'web' # its name
            env:
                A: "1"
                B: 'two'
            actions:
            - name: server
              exec:
              - server
              - "--port"
              - "8080"
              is_process: true   # for ever
              retry:
                delay: 1000ms
                factor: 1.50
              ready:
                tcp: "8080"
            """
        ),
        (
            "explicit defaults, other units",
            """
            kind: Service
            name: web
            context: core
            description: ""
            class: user
            status: start
            tags: []
            labels: {}
            requires: []
            after: []
            wants: []
            required: false
            env: {B: two, A: 1}
            start_order: serial
            generation: 0
            actions:
              - name: server
                description: ""
                tags: []
                exec: [server, --port, 8080]
                is_process: true
                env: {}
                sockets: []
                tcp_ports: []
                restart: always
                retry: {delay: 1s, factor: 1.5, max_attempts: 0, max_delay: 30000ms, jitter: 0.10, stable_after: 10s}
                ready: {tcp: 8080, interval: 250ms, timeout: 1s, failures: 3, successes: 1, start_period: 0s}
                start_timeout: 30s
                stop: {signal: SIGTERM, timeout: 10000ms}
                log: {max_size: 10240KiB, keep: 5, when_slow: block}
                generation: 0
            """
        ),
        ("CR LF", plain.split(separator: "\n").joined(separator: "\r\n") + "\r\n"),
        ("a byte order mark and a document start", "\u{FEFF}---\n" + plain + "\n...\n"),
    ]

    @Test(
        "Formatting, order, comments and explicit defaults do not change the desired state (MF-5)",
        arguments: equivalentTexts.indices
    )
    func formattingIsIgnored(_ index: Int) throws {
        let (name, text) = Self.equivalentTexts[index]
        let equivalent = try spec(text)
        let plain = try spec(Self.plain)
        #expect(equivalent == plain, "\(name)")
        #expect(CanonicalSpec(equivalent) == CanonicalSpec(plain), "\(name)")
    }

    @Test("A changed value changes the canonical spec")
    func changedValueIsVisible() throws {
        let other = Self.plain.split(separator: "two").joined(separator: "three")
        let changed = try spec(other)
        #expect(try CanonicalSpec(changed) != CanonicalSpec(spec(Self.plain)))
    }

    @Test("The decoder knows exactly the keys of the field tables")
    func keyTablesMatchFields() {
        #expect(ServiceDraft.table.keys.map(\.name) == ["kind"] + ServiceSpec.fields.map(\.key))
        #expect(ActionDraft.table.keys.map(\.name) == ["kind"] + ActionSpec.fields.map(\.key))
        #expect(
            ActionDraft.inlineKeyNames
                == Set(ActionSpec.fields.map(\.key)).subtracting(["name", "context", "schedule", "run_on"])
        )
    }

    @Test("Every diagnostic code is in kebab case and has an explanation and an example")
    func codes() {
        for code in DiagnosticCode.allCases {
            #expect(code.rawValue.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
            #expect(code.explanation.hasSuffix("."))
            #expect(!code.example.isEmpty)
        }
    }

    @Test("The defaults of an action depend on its kind")
    func defaults() throws {
        let both = try spec(
            """
            kind: Service
            name: web
            actions:
              - {name: seed, exec: [seed]}
              - {name: server, exec: [server], is_process: true}
            """
        )
        #expect(
            both.actions == [
                ActionSpec("seed", .exec(["seed"])), ActionSpec("server", .exec(["server"]), isProcess: true),
            ]
        )
    }

    @Test(
        "Durations need a unit and never overflow",
        arguments: [
            ("250ms", Duration.milliseconds(250)), ("3s", .seconds(3)), ("10m", .seconds(600)), ("2h", .seconds(7200)),
            ("7d", .seconds(604_800)), ("0s", .zero), ("36500d", .seconds(3_153_600_000)), ("36501d", nil), ("3", nil),
            ("", nil), ("s", nil), ("-1s", nil), ("1.5s", nil), ("1 s", nil), ("1S", nil), ("1us", nil), ("1w", nil),
            ("1s1s", nil), ("9223372036854775808ms", nil), ("18446744073709551616s", nil),
        ]
    )
    func durations(_ text: String, _ expected: Duration?) {
        #expect((try? Scalars.duration(text)) == expected)
    }

    @Test(
        "Sizes need a unit and never overflow",
        arguments: [
            ("512B", Int64(512)), ("64KiB", 65536), ("10MiB", 10_485_760), ("1GiB", 1_073_741_824), ("64KB", 64000),
            ("10MB", 10_000_000), ("1GB", 1_000_000_000), ("1", nil), ("1K", nil), ("1kib", nil), ("-1B", nil),
            ("8589934592GiB", nil), ("9223372036854775807B", Int64.max), ("9223372036854775808B", nil),
        ]
    )
    func sizes(_ text: String, _ expected: Int64?) {
        #expect((try? Scalars.size(text)) == expected)
    }

    @Test(
        "Two spellings of the same IP address are equal",
        arguments: [
            ("::1", "0:0:0:0:0:0:0:1", true), ("::", "0::0", true), ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("fe80::1", "FE80:0::1", true), ("127.0.0.1", "127.0.0.2", false), ("::1", "::2", false),
        ]
    )
    func addresses(_ left: String, _ right: String, _ same: Bool) throws {
        let first = try #require(NumericAddress(left))
        let second = try #require(NumericAddress(right))
        #expect((first == second) == same)
    }

    @Test(
        "A malformed IP address is refused",
        arguments: [
            "", "1.2.3", "1.2.3.256", "01.2.3.4", "1:2", ":::", "1::2::3", "g::1", "12345::", "1:2:3:4:5:6:7:8:9",
            "::1.2.3", "1.2.3.4::",
        ]
    )
    func noAddress(_ text: String) {
        #expect(NumericAddress(text) == nil)
    }

    @Test(
        "Paths are made absolute and normalised",
        arguments: [
            ("a", "/srv/x/a"), ("./a", "/srv/x/a"), ("../a", "/srv/a"), ("../../../a", "/a"), ("/a//b/./c/..", "/a/b"),
            (".", "/srv/x"), ("/", "/"), ("/a/", "/a"), ("a..b/.c", "/srv/x/a..b/.c"), ("..a", "/srv/x/..a"),
        ]
    )
    func paths(_ text: String, _ expected: String) {
        #expect(Paths.absolute(text, in: "/srv/x") == expected)
    }
}
