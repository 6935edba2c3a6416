import HeroModel
import Testing

@Suite("Comparison of bytes")
struct ByteTextTests {
    private static let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")

    @Test("Texts that differ only in their Unicode normalisation are different")
    func normalisation() {
        #expect(Self.composed == Self.decomposed, "String compares characters")
        #expect(ByteText(Self.composed) != ByteText(Self.decomposed))
        #expect(Set([ByteText(Self.composed), ByteText(Self.decomposed), ByteText(Self.composed)]).count == 2)
        #expect(ClaimedResource.socket("/\(Self.composed)") != .socket("/\(Self.decomposed)"))
        #expect(ClaimedResource.socket("/a") != .pidFile("/a"))
    }

    @Test("A label or a value that changes its normalisation is a change of the spec")
    func canonicalSpec() {
        func spec(_ name: String, _ value: String) -> CanonicalSpec {
            var spec = ServiceSpec(QualifiedName("web"), actions: [])
            spec.labels = [name: value]
            return CanonicalSpec(spec)
        }
        #expect(spec(Self.composed, "a") != spec(Self.decomposed, "a"))
        #expect(spec("a", Self.composed) != spec("a", Self.decomposed))
        #expect(spec(Self.composed, "a").values != spec(Self.decomposed, "a").values)
    }
}
