import Foundation
import HeroFuzz
import Testing

/// A short run with fixed seeds; `make fuzz SEEDS=1000000` is the long one.
@Suite("Texts that nobody means (YM-1)")
struct FuzzTests {
    private static let corpus: [[UInt8]] = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../HeroManifestTests")
            .standardized.path(percentEncoded: false)
        let paths = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
        return paths.filter { $0.hasSuffix(".yaml") }.sorted()
            .compactMap { try? Array(Data(contentsOf: URL(filePath: "\(folder)/\($0)"))) }
    }()

    @Test("no text traps the reader, and every promise about diagnostics and meaning is kept", arguments: 0..<8)
    func keepsInvariants(_ part: Int) {
        let fuzzer = Fuzzer(corpus: Self.corpus)
        for seed in UInt64(part * 250 + 1)...UInt64(part * 250 + 250) {
            let trial = fuzzer.run(seed: seed)
            #expect(trial.violations.isEmpty, "see it with: hpfuzz --seed \(seed)")
        }
    }

    @Test("the files of the corpus keep them, too")
    func corpusKeepsInvariants() {
        #expect(Self.corpus.count > 150)
        for text in Self.corpus {
            #expect(Fuzzer.violations(in: text).isEmpty, "\(String(decoding: text, as: UTF8.self))")
        }
    }

    @Test("a seed makes the same text again, seeds make different ones, and some of them are good sets")
    func seedsAreReproducible() {
        let fuzzer = Fuzzer(corpus: Self.corpus)
        #expect(fuzzer.input(forSeed: 42) == fuzzer.input(forSeed: 42))
        let texts = Set((1...200).map { fuzzer.input(forSeed: $0) })
        #expect(texts.count > 180)
        #expect((1...200).contains { fuzzer.run(seed: $0).isValid })
        #expect(!(1...200).allSatisfy { fuzzer.run(seed: $0).isValid })
    }
}
