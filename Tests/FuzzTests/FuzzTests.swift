import Foundation
import HeroFuzz
import Testing

/// A short run with fixed seeds; `make fuzz SEEDS=1000000` is the long one.
@Suite("Random inputs for the readers (YM-1)")
struct FuzzTests {
    private static let corpus: [[UInt8]] = {
        let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../HeroManifestTests")
            .standardized.path(percentEncoded: false)
        let paths = (try? FileManager.default.subpathsOfDirectory(atPath: directory)) ?? []
        return paths.filter { $0.hasSuffix(".yaml") }.sorted()
            .compactMap { try? Array(Data(contentsOf: URL(filePath: "\(directory)/\($0)"))) }
    }()

    @Test("Random inputs neither trap the manifest reader nor violate its invariants (YM-1)", arguments: 0..<8)
    func keepsInvariants(_ part: Int) {
        let fuzzer = Fuzzer(corpus: Self.corpus)
        for seed in UInt64(part * 250 + 1)...UInt64(part * 250 + 250) {
            let result = fuzzer.run(seed: seed)
            #expect(result.violations.isEmpty, "repeat it with: hpfuzz --seed \(seed)")
        }
    }

    @Test("The files of the corpus do not violate an invariant of the manifest reader (YM-1)")
    func corpusKeepsInvariants() {
        #expect(Self.corpus.count > 150)
        for text in Self.corpus {
            #expect(Fuzzer.violations(in: text).isEmpty, "\(String(decoding: text, as: UTF8.self))")
        }
    }

    @Test("A fuzzer seed always makes the same input, and some inputs are valid sets")
    func seedsAreReproducible() {
        let fuzzer = Fuzzer(corpus: Self.corpus)
        #expect(fuzzer.input(forSeed: 42) == fuzzer.input(forSeed: 42))
        let inputs = Set((1...200).map { fuzzer.input(forSeed: $0) })
        #expect(inputs.count > 180)
        #expect((1...200).contains { fuzzer.run(seed: $0).isValid })
        #expect(!(1...200).allSatisfy { fuzzer.run(seed: $0).isValid })
    }
}
