import HeroModel
import Testing

@Suite("Basic types")
struct HeroModelTests {
    @Test(
        "A wall time is written and parsed as RFC 3339 with microseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"), (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
            (1_795_268_098_123_456, "2026-11-21T13:34:58.123456Z"), (-1, "1969-12-31T23:59:59.999999Z"),
            (4_102_444_800_000_000, "2100-01-01T00:00:00.000000Z"),
        ] as [(Int64, String)]
    )
    func times(microseconds: Int64, text: String) {
        #expect(WallTime(microseconds: microseconds).description == text)
        #expect(WallTime(text) == WallTime(microseconds: microseconds))
    }

    @Test(
        "A text that is not RFC 3339 in UTC is rejected",
        arguments: [
            "", "2026-11-21", "2026-13-01T00:00:00Z", "2026-11-21T00:00:00+01:00", "x026-11-21T00:00:00Z",
            "2026-11-21T00:00:00.1xZ",
        ]
    )
    func badTimes(text: String) {
        #expect(WallTime(text) == nil)
    }

    @Test(
        "A name has 1 to 63 letters, digits, dashes and underscores",
        arguments: [
            ("web", true), ("0", true), ("a_b-c", true), ("", false), ("-a", false), ("Web", false), ("a.b", false),
            (String(repeating: "a", count: 63), true), (String(repeating: "a", count: 64), false),
        ]
    )
    func names(text: String, isValid: Bool) {
        #expect(QualifiedName.isValid(text) == isValid)
    }

    @Test(
        "A TCP endpoint is a port with an optional address",
        arguments: [
            ("8080", "8080"), ("127.0.0.1:80", "127.0.0.1:80"), ("[::1]:80", "[::1]:80"), ("0", nil), ("65536", nil),
            ("::1:80", nil), ("[]:80", nil), (":80", nil), ("80x", nil), ("+80", nil),
        ] as [(String, String?)]
    )
    func addresses(text: String, written: String?) {
        #expect(TCPEndpoint(text)?.description == written)
    }

    @Test("Two process identities are equal only if no field contradicts (ID-1)")
    func identities() {
        let one = ProcessIdentity(bootID: "b", pidNamespace: 1, pid: 7, startTicks: 5, pidfsInode: 9)
        func same(_ change: (inout ProcessIdentity) -> Void) -> Bool {
            var other = one
            change(&other)
            return one.isSameProcess(as: other)
        }
        #expect(same { _ in })
        #expect(same { $0.pidfsInode = 0 })
        #expect(!same { $0.pidfsInode = 10 })
        #expect(!same { $0.startTicks = 6 })
        #expect(!same { $0.startTicks = 0 })
        #expect(!same { $0.pid = 8 })
        #expect(!same { $0.bootID = "c" })
        #expect(!same { $0.pidNamespace = 2 })
    }

    @Test("Clock arithmetic saturates and never overflows")
    func saturation() {
        #expect(Moment(nanoseconds: .max) + .seconds(1) == Moment(nanoseconds: .max))
        #expect((Moment(nanoseconds: .min) - Moment(nanoseconds: .max)).wholeNanoseconds == .min)
        #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
    }

    @Test("Every field has its own cost and its own path in a diff")
    func fields() {
        var before = ServiceSpec(QualifiedName("web"), actions: [ActionSpec("server", .exec(["a"]), isProcess: true)])
        var after = before
        after.environment["PORT"] = "80"
        after.actions[0].retry.delay = .seconds(1)
        after.description = "two\nlines"
        let changed = CanonicalSpec(after).values
        #expect(
            Set(changed.keys) == [
                "actions", "actions.server.exec", "actions.server.is_process", "env.PORT", "actions.server.retry.delay",
                "description",
            ]
        )
        #expect(CanonicalSpec.cost(of: "env.PORT") == .restart)
        #expect(CanonicalSpec.cost(of: "actions.server.retry.delay") == .inPlace)
        #expect(CanonicalSpec.cost(of: "description") == .none)
        // What the shim receives when it starts.
        for path in ["log.max_size", "log.keep", "log.when_slow", "health.watchdog", "ready.notify"] {
            #expect(CanonicalSpec.cost(of: "actions.server.\(path)") == .nextStart, "\(path)")
        }
        #expect(CanonicalSpec.cost(of: "actions.server.health.interval") == .inPlace)
        #expect(CanonicalSpec.cost(of: "of_a_newer_version") == .restart)
        before.environment["PORT"] = "80"
        #expect(CanonicalSpec(before) != CanonicalSpec(after))
    }
}
