import Foundation
import HeroFuzz
import HeroManifest
import HeroModel
import Testing

@Suite("Hostile files (YM-1)")
struct HostileFileTests {
    static let head = "kind: Service\nname: web\n"

    @Test("is refused with a place and without a trap, on a small stack too", arguments: HostileFile.all)
    func refusesHostileFile(_ attack: HostileFile) async throws {
        let bytes = attack.bytes()
        // How long it takes and how much memory is for `make bench` to say: here others use the machine.
        let found = await Self.onSmallStack {
            let file = ManifestFile(path: "x.yaml", baseDirectory: "/srv", bytes: bytes)
            return Manifests.read([file], options: ManifestOptions(requiresCore: false)).diagnostics
        }
        let codes = Set(found.map(\.code))
        #expect(codes.contains(attack.expectedCode), "\(codes)")
        #expect(found.allSatisfy { $0.location != nil })
        #expect(found.count <= 203)
    }

    /// Does it on a thread with 512 KiB of stack.
    private static func onSmallStack<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            let thread = Thread { continuation.resume(returning: work()) }
            thread.stackSize = 512 << 10
            thread.start()
        }
    }

    @Test("as much as the budgets allow is read in time that grows with its size")
    func largeInputsTakeLinearTime() {
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
            let file = ManifestFile(path: "x.yaml", baseDirectory: "/srv", bytes: Array(text.utf8))
            let clock = ContinuousClock()
            let start = clock.now
            let result = Manifests.read([file], options: ManifestOptions(requiresCore: false))
            let time = clock.now - start
            #expect(result.diagnostics.count == mistakes, "\(text.prefix(60))")
            #expect(time < .seconds(10), "\(time): \(text.prefix(60))")
        }
    }

    @Test("every prefix and every flipped byte of a good file ends in a result")
    func truncatedFilesAreRead() throws {
        let folder = try #require(ManifestCase.all("good").first { $0.name == "everything" })
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
    func longDependencyChain() {
        func chain(closed: Bool) -> [ManifestFile] {
            (0..<10_000).map { number in
                let next = number == 9999 ? (closed ? "requires: [s0]\n" : "") : "requires: [s\(number + 1)]\n"
                let text = "kind: Service\nname: s\(number)\n\(next)actions: [{name: a, exec: [a]}]\n"
                return ManifestFile(path: "s\(number).yaml", baseDirectory: "/srv", bytes: Array(text.utf8))
            }
        }
        let options = ManifestOptions(requiresCore: false)
        #expect(Manifests.read(chain(closed: false), options: options).desired?.services.count == 10_000)
        let found = Manifests.read(chain(closed: true), options: options).diagnostics
        #expect(found.map(\.code) == ["cycle"])
        #expect(found.first?.notes.count == 10_000)
    }

    @Test("thousands of unknown names do not take quadratic time for suggestions")
    func manyUnknownNames() {
        let files = (0..<4000).map { number in
            let text = "kind: Service\nname: s\(number)\nrequires: [t\(number)]\nactions: [{name: a, exec: [a]}]\n"
            return ManifestFile(path: "s\(number).yaml", baseDirectory: "/srv", bytes: Array(text.utf8))
        }
        let clock = ContinuousClock()
        let start = clock.now
        let result = Manifests.read(files, options: ManifestOptions(requiresCore: false))
        #expect(result.diagnostics.count == 4000)
        #expect(clock.now - start < .seconds(60))
    }
}
