internal import HeroManifest
internal import HeroModel
import HeroSchedule

// Law: any bytes end in a result that keeps its promises.
//
// HeroFuzz makes texts that nobody means out of those that somebody did (Mutator), gives them to the readers of outside
// input, and says which promise a reader broke (Promises). One number makes one text: a failure is repeated by its seed.

/// One text made from one seed, and what came of it.
public struct FuzzResult: Sendable {
    /// The number it was made from.
    public var seed: UInt64
    /// What was read.
    public var bytes: [UInt8]
    /// The promises that were broken, in words; empty when all were kept.
    public var violations: [String]
    /// Whether it was a good set after all.
    public var isValid: Bool
}

/// Makes texts out of a corpus and judges what the readers say of them.
public struct Fuzzer: Sendable {
    private let corpus: [[UInt8]]

    /// Takes the texts to begin with; at least one is always there.
    public init(corpus: [[UInt8]]) {
        self.corpus = corpus.isEmpty ? [Array("kind: Service\n".utf8)] : corpus
    }

    /// Makes the text of a seed: a file of the corpus, or one value of a manifest, changed in a few places.
    public func input(forSeed seed: UInt64) -> [UInt8] {
        var mutator = Mutator(seed: seed, corpus: corpus)
        return mutator.makeInput()
    }

    /// Makes the text of a seed and reads it.
    public func run(seed: UInt64) -> FuzzResult {
        let bytes = input(forSeed: seed)
        let verdict = ManifestInvariants.check(bytes)
        return FuzzResult(seed: seed, bytes: bytes, violations: verdict.broken, isValid: verdict.isGood)
    }

    /// Reads any bytes: the promises that were broken.
    public static func violations(in bytes: [UInt8]) -> [String] { ManifestInvariants.check(bytes).broken }

    /// Gives any bytes to the reader that their first byte chooses: the promises that were broken.
    ///
    /// 1 to 3 are the readers of environment files, cron expressions and zone rules; from 128 on, the rest is the value of
    /// one field of a manifest; every other byte begins a manifest itself.
    public static func violationsOfSelectedReader(in bytes: [UInt8]) -> [String] {
        guard let first = bytes.first else { return [] }
        let rest = Array(bytes.dropFirst())
        if let broken = ValueReaderInvariants.violations(rest, reader: first) { return broken }
        return violations(in: first >= 128 ? Mutator.manifest(field: Int(first), value: rest) : bytes)
    }
}
