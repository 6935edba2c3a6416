import HeroConvert
import HeroManifest
import HeroModel
import HeroRandom
import Testing

/// Random mutations of valid inputs: an import never traps, never hangs, and writes only valid manifests.
@Suite("Random inputs for imports")
struct ImportFuzzTests {
    private static let seeds: [(format: ImportFormat, path: String, text: String)] = [
        (
            .supervisord, "a.conf",
            "[program:a]\ncommand=a -b \"c d\" %(ENV_X)s\nnumprocs=3\nuser=u\nenvironment=A=\"b\"\n"
        ),
        (.procfile, "Procfile", "web: a -p $PORT\nrelease: b && c\nWorker_1: A=b exec d 'e f'\n# note\n"),
        (
            .systemd, "a@.service",
            "[Unit]\nAfter=b.service a.target\nRequires=a.service\n[Service]\nType=oneshot\nExecStart=-/a %i $X ${Y} \"b\\x20c\"\n"
                + "Environment=\"A=b c\" D=e\nLimitNOFILE=1:2\nRestartSec=1min 30s\nNice=-5\n"
        ),
        (
            .compose, "c.yaml",
            "x-a: &a {image: b, environment: [A=b, C]}\nservices:\n  a: {<<: *a, command: 'x $$y ${Z:-w}', ports: ['80:81']}\n"
                + "  b:\n    image: c\n    depends_on: [a, b]\n    healthcheck: {test: a b, interval: 1m30s}\n"
        ),
        (
            .processCompose, "p.yaml",
            "environment: [A=b]\nprocesses:\n  a:\n    command: \"a | b ${C}\"\n    depends_on: {b: {condition: process_healthy}}\n"
                + "  b: {command: c d, replicas: 2, readiness_probe: {http_get: {port: 80}}}\n"
        ),
        (.zinit, "z.yaml", "exec: a b 'c'\ntest: d | e\nafter: [f, z]\nsignal: {stop: SIGUSR1}\nenv: {A: b}\n"),
    ]
    private static let tokens = [
        "\"", "'", "\\", "$", "${", "}", "%", "%(", ")s", ":", "=", "\n", "\n  ", "- ", "[", "]", "{", "{}", "&a", "*a",
        "<<: *a", "#", ";", "0", "-1", "99999999999999999999", "infinity", "null", "~", "\t", "\u{0}", "\u{7F}", "é",
        "\r\n",
        "exec: ", "command=", "[Service]\n", "services:\n", "true", "1d", "/", "..", "@", "!x ", "|", ">", "? ",
    ]

    @Test("Mutated inputs neither trap an import nor give invalid manifests", arguments: 0..<6)
    func keepsInvariants(_ index: Int) {
        let seed = Self.seeds[index]
        var generator = SeededGenerator(UInt64(index) &* 7919 &+ 17)
        var results = 0
        for _ in 0..<400 {
            var bytes = Array(seed.text.utf8)
            for _ in 0..<generator.number(1...6) { Self.mutate(&bytes, &generator) }
            let files = [ImportFile(path: seed.path, bytes: bytes)]
            let request = ImportRequest(seed.format, files, accepted: Set(LossCode.allCases))
            do throws(ImportError) {
                let result = try Importer.convert(request)
                let errors = ImportCheck.errors(in: result)
                #expect(errors.isEmpty, "\(String(decoding: bytes, as: UTF8.self))\n\(errors)")
                let again = try Importer.convert(request)
                #expect(again.files == result.files && again.report.items == result.report.items)
                results += 1
            } catch {
                let isInternal = error.message.contains("internal")
                #expect(!isInternal, "\(String(decoding: bytes, as: UTF8.self))")
            }
        }
        #expect(results > 20)
    }

    @Test("Aliases of aliases do not grow without bound")
    func refusesAliasBombs() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let items = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(items)]\n"
        }
        for format in [ImportFormat.compose, .processCompose, .zinit] {
            #expect(throws: ImportError.self) {
                try Importer.convert(ImportRequest(format, [ImportFile(path: "a.yaml", bytes: Array(text.utf8))]))
            }
        }
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: ImportError.self) {
            try Importer.convert(ImportRequest(.compose, [ImportFile(path: "a.yaml", bytes: Array(deep.utf8))]))
        }
    }

    @Test("A large input is imported or refused in linear time")
    func largeInputs() {
        var text = ""
        for number in 0..<2000 { text += "p\(number): run \(number)\n" }
        let many = [ImportFile(path: "Procfile", bytes: Array(text.utf8))]
        #expect(throws: ImportError.self) { try Importer.convert(ImportRequest(.procfile, many)) }
        let long = [ImportFile(path: "Procfile", bytes: Array(("a: " + String(repeating: "x ", count: 600_000)).utf8))]
        #expect(throws: ImportError.self) { try Importer.convert(ImportRequest(.procfile, long)) }
    }

    private static func mutate(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        let position = generator.number(below: bytes.count + 1)
        switch generator.number(below: 5) {
        case 0: bytes.insert(contentsOf: generator.pick(tokens, or: "x").utf8, at: position)
        case 1:
            let end = min(bytes.count, position + generator.number(1...12))
            bytes.removeSubrange(position..<end)
        case 2 where position < bytes.count: bytes[position] = UInt8(generator.number(below: 256))
        case 3:
            let end = min(bytes.count, position + generator.number(1...40))
            bytes.insert(contentsOf: Array(bytes[position..<end]), at: generator.number(below: bytes.count + 1))
        default:
            let end = min(bytes.count, position + generator.number(1...4))
            bytes.replaceSubrange(position..<end, with: generator.pick(tokens, or: "x").utf8)
        }
    }
}
