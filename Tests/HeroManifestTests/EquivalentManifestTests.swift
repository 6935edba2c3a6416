import HeroModel
import Testing

@testable import HeroManifest

@Suite("Equivalent manifests")
struct EquivalentManifestTests {
    @Test(
        "Order, quotes, comments, style and explicit defaults do not change the desired state (MF-5)",
        arguments: ManifestCase.all("good")
    )
    func rewrittenManifestIsEqual(_ manifestCase: ManifestCase) throws {
        let files = try manifestCase.files()
        let options = manifestCase.options
        let plain = try #require(Manifests.read(files, options: options).desired)
        // A default that the settings change must not be written explicitly.
        let hasOwnDefaults =
            plain.settings.stop != StopPolicy() || plain.settings.log != LogPolicy()
            || plain.settings.retry != RetryDefaults() || plain.settings.execution != ExecutionDefaults()
        for seed in 0..<12 {
            var rewriter = ManifestRewriter(seed: UInt64(seed), writesDefaults: !hasOwnDefaults)
            let rewritten = files.map { file in
                var decoder = FileDecoder(fileIndex: 0, file: file)
                var other = file
                other.bytes = Array(rewriter.text(YAMLReader.read(in: &decoder)).utf8)
                return other
            }
            let result = Manifests.read(rewritten, options: options)
            let texts = rewritten.map { String(decoding: $0.bytes, as: UTF8.self) }.joined(separator: "\n=====\n")
            let desired = try #require(
                result.desired,
                "seed \(seed)\n\(GoldenText.diagnostics(result.diagnostics))\n\(texts)"
            )
            #expect(desired.services.mapValues(\.spec) == plain.services.mapValues(\.spec), "seed \(seed)\n\(texts)")
            #expect(desired.actions.mapValues(\.spec) == plain.actions.mapValues(\.spec), "seed \(seed)\n\(texts)")
            #expect(desired.settings == plain.settings, "seed \(seed)\n\(texts)")
            for (name, declared) in desired.services {
                #expect(CanonicalSpec(declared.spec) == plain.services[name].map { CanonicalSpec($0.spec) })
            }
        }
    }
}
