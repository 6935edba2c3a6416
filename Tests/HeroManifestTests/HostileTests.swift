import HeroManifest
import HeroModel
import Testing

@Suite("Hostile files (YM-1)")
struct HostileTests {
    /// A file that nobody means, and how it must be refused.
    struct Attack: CustomTestStringConvertible, Sendable {
        let name: String
        let code: DiagnosticCode
        let bytes: @Sendable () -> [UInt8]

        init(_ name: String, _ code: DiagnosticCode, _ bytes: @escaping @Sendable () -> [UInt8]) {
            self.name = name
            self.code = code
            self.bytes = bytes
        }

        var testDescription: String { name }
    }

    static let head = "kind: Service\nname: web\n"

    static let attacks: [Attack] = [
        Attack("a hundred thousand [", .tooDeep) { repeated("[", 100_000) },
        Attack("a mebibyte of {a:", .tooDeep) { repeated("{a: ", 262_144) },
        Attack("a mebibyte of block lists", .tooDeep) { repeated("- ", 524_288) },
        Attack("a mebibyte of explicit keys", .tooDeep) { repeated("? ", 524_288) },
        Attack("closed brackets in turns", .tooManyNodes) { repeated("[],", 300_000, after: "[") },
        Attack("a list of 60,000 items", .tooManyNodes) { repeated("a,", 60_000, after: "\(head)tags: [") },
        Attack("a hundred thousand documents", .tooManyNodes) { repeated("---\n", 100_000) },
        Attack("a map of 40,000 keys", .tooManyNodes) {
            Array(("\(head)labels: {" + (0..<40_000).map { "k\($0): 1" }.joined(separator: ", ") + "}").utf8)
        },
        Attack("one text of 65,537 bytes", .textTooLong) { repeated("x", 65_537, after: "\(head)description: ") },
        Attack("one text of a mebibyte", .textTooLong) {
            repeated("x", 1_000_000, after: "\(head)description: \"") + [34]
        },
        Attack("one byte more than a mebibyte", .fileTooLarge) { repeated("#", 1_048_577) },
        Attack("a mebibyte of NUL", .notUTF8) { repeated("\0", 1_048_576) },
        Attack("a mebibyte of directives", .syntax) {
            Array((0..<60_000).map { "%TAG !a\($0)! x\n" }.joined().utf8)
        },
        Attack("ten thousand anchors", .anchor) { repeated("&a x,", 10_000, after: "\(head)tags: [") + [93] },
        Attack("ten thousand aliases", .alias) { repeated("*a,", 10_000, after: "\(head)tags: [&a x,") + [93] },
        Attack("a thousand unknown keys", .tooManyMistakes) {
            Array((head + (0..<1000).map { "zz\($0): 1\n" }.joined()).utf8)
        },
        Attack("a thousand long unknown keys", .unknownKey) {
            Array((head + (0..<900).map { "z\($0)\(String(repeating: "y", count: 900)): 1\n" }.joined()).utf8)
        },
        Attack("a carriage return before every quote", .syntax) { repeated("\r\"", 500_000) },
        Attack("a mebibyte of tabs", .tab) { repeated("\t", 1_000_000, after: head) },
    ]

    private static func repeated(_ text: String, _ count: Int, after head: String = "") -> [UInt8] {
        Array((head + String(repeating: text, count: count)).utf8)
    }

    @Test("is refused soon, with a place, and without a trap", arguments: attacks)
    func refused(_ attack: Attack) throws {
        let file = ManifestFile(path: "x.yaml", folder: "/srv", bytes: attack.bytes())
        let clock = ContinuousClock()
        let start = clock.now
        let result = Manifests.read([file], options: ManifestOptions(requiresCore: false))
        let time = clock.now - start
        let codes = Set(result.diagnostics.map(\.code))
        #expect(codes.contains(attack.code.rawValue), "\(codes)")
        #expect(result.desired == nil)
        #expect(result.diagnostics.allSatisfy { $0.place != nil })
        #expect(result.diagnostics.count <= 203)
        // Generous for a debug build beside others; what is quadratic takes minutes.
        #expect(time < .seconds(5), "\(time)")
    }

    @Test("as much as the budgets allow is read in time that grows with its size")
    func large() {
        let actions = (0..<6000).map { "{name: a\($0), exec: [a]}" }.joined(separator: ", ")
        let same = Array(repeating: "{name: a, exec: [a]}", count: 6000).joined(separator: ", ")
        let ports = (1...40_000).map(String.init).joined(separator: ",")
        let texts: [(String, Int)] = [
            ("\(Self.head)actions: [\(actions)]\n", 0),
            ("\(Self.head)actions: [\(same)]\n", 101),
            ("\(Self.head)tags: [\(ports)]\nactions: [{name: a, exec: [a]}]\n", 0),
            ("\(Self.head)actions: [{name: a, exec: [a], tcp_ports: [\(ports)]}]\n", 0),
            ("\(Self.head)actions: [{name: a, exec: [a], sockets: [\(ports)]}]\n", 0),
            ("\(Self.head)wants: [\(ports)]\nactions: [{name: a, exec: [a]}]\n", 101),
        ]
        for (text, mistakes) in texts {
            let file = ManifestFile(path: "x.yaml", folder: "/srv", bytes: Array(text.utf8))
            let clock = ContinuousClock()
            let start = clock.now
            let result = Manifests.read([file], options: ManifestOptions(requiresCore: false))
            let time = clock.now - start
            #expect(result.diagnostics.count == mistakes, "\(text.prefix(60))")
            #expect(time < .seconds(10), "\(time): \(text.prefix(60))")
        }
    }

    @Test("every prefix and every flipped byte of a good file ends in a result")
    func torn() throws {
        let folder = try #require(CaseFolder.all("good").first { $0.name == "everything" })
        let file = try #require(try folder.files().first)
        var state: UInt64 = 42
        for round in 0..<1500 {
            // A small generator with a fixed seed (Knuth's MMIX constants): a failure can be repeated.
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var torn = file
            let position = Int(state >> 33) % file.bytes.count
            switch round % 3 {
            case 0: torn.bytes = Array(file.bytes.prefix(position))
            case 1: torn.bytes[position] = UInt8(truncatingIfNeeded: state >> 20)
            default: torn.bytes.insert(contentsOf: Array("[]{}:,-&*!|>'\"%@`#\t\n".utf8), at: position)
            }
            let result = Manifests.read([torn], options: ManifestOptions(requiresCore: false))
            let hasErrors = result.diagnostics.contains { $0.severity == .error }
            #expect((result.desired == nil) == hasErrors, "round \(round)")
        }
    }

    @Test("a chain of ten thousand services is ordered without deep recursion, and closed to a circle is one mistake")
    func longChain() {
        func chain(closed: Bool) -> [ManifestFile] {
            (0..<10_000).map { number in
                let next = number == 9999 ? (closed ? "requires: [s0]\n" : "") : "requires: [s\(number + 1)]\n"
                let text = "kind: Service\nname: s\(number)\n\(next)actions: [{name: a, exec: [a]}]\n"
                return ManifestFile(path: "s\(number).yaml", folder: "/srv", bytes: Array(text.utf8))
            }
        }
        let options = ManifestOptions(requiresCore: false)
        #expect(Manifests.read(chain(closed: false), options: options).desired?.services.count == 10_000)
        let found = Manifests.read(chain(closed: true), options: options).diagnostics
        #expect(found.map(\.code) == ["cycle"])
        #expect(found.first?.notes.count == 10_000)
    }

    @Test("thousands of unknown names do not take quadratic time for suggestions")
    func manyUnknown() {
        let files = (0..<4000).map { number in
            let text = "kind: Service\nname: s\(number)\nrequires: [t\(number)]\nactions: [{name: a, exec: [a]}]\n"
            return ManifestFile(path: "s\(number).yaml", folder: "/srv", bytes: Array(text.utf8))
        }
        let clock = ContinuousClock()
        let start = clock.now
        let result = Manifests.read(files, options: ManifestOptions(requiresCore: false))
        #expect(result.diagnostics.count == 4000)
        #expect(clock.now - start < .seconds(60))
    }
}
