import CHeroRecord
import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

@Suite struct ShimSpecEncoderTests {
    private static func context() -> ShimSpecEncoder.Context {
        ShimSpecEncoder.Context(
            paths: RuntimePaths(state: "/s", uid: 7, environment: [:]),
            machine: ProcessTable.MachineIdentity(bootID: "0123-boot", pidNamespace: 4_026_531_836),
            softOpenFiles: 1024
        )
    }

    private static func launch() throws -> ResolvedLaunch {
        let request = LaunchRequest(
            start: StartID(job: 12, generation: 4),
            label: "core/web.server",
            arguments: ["prog", "", "ü", LaunchRequest.scriptPlaceholder],
            environment: [.texts(["PATH": "/a:/b/", "B": "2", "A": "1=1"])],
            workingDirectory: "/w",
            script: "line\n",
            umask: 0o27,
            stop: StopPolicy(signal: .term, timeout: .seconds(3)),
            log: LogPolicy(maxSize: 77, keep: 200),
            logFile: "core/web/server/12.log"
        )
        return try ResolvedLaunch(request, as: nil)
    }

    @Test("An encoded launch can be decoded, and a second one replaces the first")
    func roundTrip() throws {
        var encoder = ShimSpecEncoder()
        try encoder.encode(try Self.launch(), Self.context())
        let first = encoder.bytes
        var larger = try Self.launch()
        larger.request.arguments += ["more", "and more"]
        try encoder.encode(larger, Self.context())
        try encoder.encode(try Self.launch(), Self.context())
        #expect(encoder.bytes == first)

        let header = first.withUnsafeBytes { $0.loadUnaligned(as: hero_spec.self) }
        #expect(header.magic == HERO_SPEC_MAGIC)
        #expect(header.version == HERO_SPEC_VERSION)
        #expect(header.strict_exec == 0)
        var strict = try Self.launch()
        strict.request.rights.isStrict = true
        try encoder.encode(strict, Self.context())
        #expect(encoder.bytes.withUnsafeBytes { $0.loadUnaligned(as: hero_spec.self) }.strict_exec == 1)
        #expect(header.size == UInt32(first.count))
        #expect(header.job == 12)
        #expect(header.generation == 4)
        #expect(text(first, header.record_path) == "/s/run/jobs/12")
        #expect(text(first, header.log_path) == "/s/logs/core/web/server/12.log")
        #expect(text(first, header.working_directory) == "/w")
        #expect(list(first, header.candidates, header.candidate_count) == ["/a/prog", "/b/prog"])
        #expect(list(first, header.arguments, header.argument_count) == ["prog", "", "ü", "/s/run/jobs/12.script"])
        let variables = list(first, header.environment, header.environment_count)
        #expect(variables.filter { !$0.hasPrefix("HEROPROC_INSTANCE=") } == ["A=1=1", "B=2", "PATH=/a:/b/"])
        #expect(variables.contains { $0.hasPrefix("HEROPROC_INSTANCE=") && $0.hasSuffix(".12.4") })
        #expect(text(first, header.script) == "line\n")
        #expect(header.script_size == 5)
        #expect(text(first, header.script_path) == "/s/run/jobs/12.script")
        #expect(header.umask == 0o27)
        #expect(header.stop_signal == 15)
        #expect(header.stop_timeout_ms == 3000)
        #expect(header.log_keep == 99)
        #expect(header.log_max_size == 77)
        #expect(header.log_when_slow == HERO_WHEN_SLOW_BLOCK.rawValue)
        larger.request.log.whenSlow = .drop
        try encoder.encode(larger, Self.context())
        let other = encoder.bytes.withUnsafeBytes { $0.loadUnaligned(as: hero_spec.self) }
        #expect(other.log_when_slow == HERO_WHEN_SLOW_DROP.rawValue)
        #expect(header.open_files_soft == 1024)
        #expect(header.pid_namespace == 4_026_531_836)
        #expect(
            withUnsafeBytes(of: header.boot_id) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
                == "0123-boot"
        )
    }

    @Test("Only a launch with notify has a notify socket and a watchdog interval")
    func notify() throws {
        var launch = try Self.launch()
        var encoder = ShimSpecEncoder()
        try encoder.encode(launch, Self.context())
        func header() -> hero_spec { encoder.bytes.withUnsafeBytes { $0.loadUnaligned(as: hero_spec.self) } }
        func variables() -> [String] { list(encoder.bytes, header().environment, header().environment_count) }
        #expect(header().notify_socket == 0 && header().watchdog_us == 0 && header().handover_timeout_ms == 0)
        launch.request.mayNotify = true
        launch.environment["NOTIFY_SOCKET"] = "/elsewhere"
        try encoder.encode(launch, Self.context())
        #expect(text(encoder.bytes, header().notify_socket) == "/s/run/jobs/12.notify")
        #expect(variables().filter { $0.hasPrefix("NOTIFY_SOCKET=") } == ["NOTIFY_SOCKET=/s/run/jobs/12.notify"])
        #expect(header().watchdog_us == 0 && header().handover_timeout_ms == 0)
        launch.request.notifiesReady = true
        launch.request.watchdog = .milliseconds(1500)
        try encoder.encode(launch, Self.context())
        #expect(header().watchdog_us == 1_500_000 && variables().contains("WATCHDOG_USEC=1500000"))
        #expect(header().handover_timeout_ms == 30_000)
        #expect(header().notify_senders == HERO_NOTIFY_SENDERS_DEFAULT.rawValue)
        launch.request.notifyFrom = .main
        try encoder.encode(launch, Self.context())
        #expect(header().notify_senders == HERO_NOTIFY_SENDERS_MAIN.rawValue)
    }

    @Test("A launch without a script encodes none")
    func noScript() throws {
        var launch = try Self.launch()
        launch.request.script = nil
        var encoder = ShimSpecEncoder()
        try encoder.encode(launch, Self.context())
        let header = encoder.bytes.withUnsafeBytes { $0.loadUnaligned(as: hero_spec.self) }
        #expect(header.script == 0)
        #expect(header.script_size == 0)
    }

    @Test("A launch with a NUL character in a text is refused")
    func nulCharacter() throws {
        let changes: [(inout ResolvedLaunch) -> Void] = [
            { $0.request.arguments[1] = "a\0b" }, { $0.environment["X"] = "\0" },
            { $0.request.workingDirectory = "/\0" },
            { $0.request.script = "a\0" }, { $0.candidates = ["/\0"] }, { $0.candidates = [] },
            { $0.request.arguments = [] },
        ]
        for change in changes {
            var launch = try Self.launch()
            change(&launch)
            var encoder = ShimSpecEncoder()
            #expect(throws: StartError.self) { try encoder.encode(launch, Self.context()) }
        }
    }

    @Test("A NUL character in a variable is reported without the value (SE-1)")
    func nulInSecret() throws {
        var launch = try Self.launch()
        launch.environment["TOKEN"] = "canary\0"
        var encoder = ShimSpecEncoder()
        #expect(throws: StartError(.launch, EINVAL, "a NUL character is in `TOKEN`")) {
            try encoder.encode(launch, Self.context())
        }
    }

    @Test("Wiping an encoder overwrites all encoded bytes (SE-2)")
    func wipe() throws {
        var encoder = ShimSpecEncoder()
        try encoder.encode(try Self.launch(), Self.context())
        encoder.wipe()
        #expect(encoder.bytes.allSatisfy { $0 == 0 })
    }

    private func text(_ bytes: [UInt8], _ offset: UInt32) -> String {
        String(decoding: bytes[Int(offset)...].prefix { $0 != 0 }, as: UTF8.self)
    }

    private func list(_ bytes: [UInt8], _ offset: UInt32, _ count: UInt32) -> [String] {
        bytes[Int(offset)...].split(separator: 0, maxSplits: Int(count), omittingEmptySubsequences: false)
            .prefix(Int(count)).map { String(decoding: $0, as: UTF8.self) }
    }
}
