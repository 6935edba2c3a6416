import Foundation
import HeroFuzz
import HeroManifest
import HeroModel
import HeroRandom
import Testing

@Suite("Hostile files (YM-1)")
struct HostileFileTests {
    static let head = "kind: Service\nname: web\n"

    @Test(
        "A hostile file is refused with a location, even on a small stack (YM-1)",
        arguments: HostileFile.all
    )
    func refusesHostileFile(_ file: HostileFile) async throws {
        let bytes = file.bytes()
        // `make bench` measures time and memory; here other tests use the machine too.
        let found = await Self.onSmallStack {
            let manifest = ManifestFile(path: "x.yaml", baseDirectory: "/srv", bytes: bytes)
            return Manifests.read([manifest], options: ManifestOptions(requiresCore: false)).diagnostics
        }
        let codes = Set(found.map(\.code))
        #expect(codes.contains(file.expectedCode), "\(codes)")
        #expect(found.allSatisfy { $0.location != nil })
        #expect(found.count <= 203)
    }

    /// Runs a function on a thread with a stack of 512 KiB.
    private static func onSmallStack<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            let thread = Thread { continuation.resume(returning: work()) }
            thread.stackSize = 512 << 10
            thread.start()
        }
    }

    @Test("Inputs at the limits are read in linear time (YM-1)")
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
        for (text, diagnosticCount) in texts {
            let file = ManifestFile(path: "x.yaml", baseDirectory: "/srv", bytes: Array(text.utf8))
            let clock = ContinuousClock()
            let start = clock.now
            let result = Manifests.read([file], options: ManifestOptions(requiresCore: false))
            let time = clock.now - start
            #expect(result.diagnostics.count == diagnosticCount, "\(text.prefix(60))")
            #expect(time < .seconds(10), "\(time): \(text.prefix(60))")
        }
    }

    @Test("Truncated and corrupted manifests always give a result (YM-1)")
    func truncatedFilesAreRead() throws {
        let manifestCase = try #require(ManifestCase.all("good").first { $0.name == "everything" })
        let file = try #require(try manifestCase.files().first)
        var random = SeededGenerator(42)
        for round in 0..<1500 {
            var changed = file
            let position = random.number(below: file.bytes.count)
            switch round % 3 {
            case 0: changed.bytes = Array(file.bytes.prefix(position))
            case 1: changed.bytes[position] = UInt8(truncatingIfNeeded: random.next())
            default: changed.bytes.insert(contentsOf: Array("[]{}:,-&*!|>'\"%@`#\t\n".utf8), at: position)
            }
            let result = Manifests.read([changed], options: ManifestOptions(requiresCore: false))
            let hasErrors = result.diagnostics.contains { $0.severity == .error }
            #expect((result.desired == nil) == hasErrors, "round \(round)")
        }
    }

    @Test("DP-3: A chain of ten thousand services needs no recursion, and its cycle is one error")
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

    @Test("Suggestions for thousands of unknown names do not take quadratic time")
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
