// Rule: any bytes end in a result that satisfies the invariants.
//
// HeroFuzz makes random inputs out of a corpus (Mutator), passes them to the readers of outside input, and reports each
// invariant that a reader violates (ManifestInvariants, ValueReaderInvariants). A seed determines its input, so that a
// failure can be repeated.

internal import HeroManifest
internal import HeroModel

/// The input of one seed and the result of reading it.
public struct FuzzResult: Sendable {
    /// The seed of the input.
    public var seed: UInt64
    /// The input.
    public var bytes: [UInt8]
    /// One sentence for each violated invariant; empty if there is none.
    public var violations: [String]
    /// Whether the input was a valid set of manifests.
    public var isValid: Bool
}

/// Makes inputs out of a corpus and checks what the readers return for them.
public struct Fuzzer: Sendable {
    private let corpus: [[UInt8]]

    /// Creates a fuzzer; an empty corpus is replaced by a single line of YAML.
    public init(corpus: [[UInt8]]) {
        self.corpus = corpus.isEmpty ? [Array("kind: Service\n".utf8)] : corpus
    }

    /// Makes the input of a seed: a changed file of the corpus, or a manifest with one random value.
    public func input(forSeed seed: UInt64) -> [UInt8] {
        var mutator = Mutator(seed: seed, corpus: corpus)
        return mutator.makeInput()
    }

    /// Makes the input of a seed, reads it and checks the invariants.
    public func run(seed: UInt64) -> FuzzResult {
        let bytes = input(forSeed: seed)
        let (violations, isValid) = ManifestInvariants.check(bytes)
        return FuzzResult(seed: seed, bytes: bytes, violations: violations, isValid: isValid)
    }

    /// Reads bytes as a manifest and returns the violated invariants.
    public static func violations(in bytes: [UInt8]) -> [String] { ManifestInvariants.check(bytes).violations }

    /// Passes bytes to the reader that their first byte selects, and returns the violated invariants.
    ///
    /// 1 to 3 select the readers of environment files, cron expressions and time zone rules. From 128 on, the rest is
    /// the value of one field of a manifest. Every other byte is itself the first byte of a manifest.
    public static func violationsOfSelectedReader(in bytes: [UInt8]) -> [String] {
        guard let first = bytes.first else { return [] }
        let rest = Array(bytes.dropFirst())
        if let found = ValueReaderInvariants.violations(rest, reader: first) { return found }
        return violations(in: first >= 128 ? Mutator.manifest(field: Int(first), value: rest) : bytes)
    }
}
