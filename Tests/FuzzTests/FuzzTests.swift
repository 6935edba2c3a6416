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
    func promises(_ part: Int) {
        let fuzzer = Fuzzer(corpus: Self.corpus)
        for seed in UInt64(part * 250 + 1)...UInt64(part * 250 + 250) {
            let trial = fuzzer.trial(seed: seed)
            #expect(trial.broken.isEmpty, "see it with: hpfuzz --seed \(seed)")
        }
    }

    @Test("the files of the corpus keep them, too")
    func corpus() {
        #expect(Self.corpus.count > 150)
        for text in Self.corpus { #expect(Fuzzer.broken(by: text).isEmpty, "\(String(decoding: text, as: UTF8.self))") }
    }

    @Test("a seed makes the same text again, seeds make different ones, and some of them are good sets")
    func seeds() {
        let fuzzer = Fuzzer(corpus: Self.corpus)
        #expect(fuzzer.text(of: 42) == fuzzer.text(of: 42))
        let texts = Set((1...200).map { fuzzer.text(of: $0) })
        #expect(texts.count > 180)
        #expect((1...200).contains { fuzzer.trial(seed: $0).isGood })
        #expect(!(1...200).allSatisfy { fuzzer.trial(seed: $0).isGood })
    }
}
