import HeroConvert
import HeroModel
import Testing

@Suite("Keys that imports write")
struct SupportedKeyTests {
    @Test("Every key that an import may write is a key of the manifest reader")
    func keysExist() {
        let fields =
            ServiceSpec.fields.flatMap(\.paths).map(\.path) + ActionSpec.fields.flatMap(\.paths).map(\.path)
            + Settings.fields.flatMap(\.paths).map(\.path)
        for key in SupportedKey.allCases where SupportedKey.accepted.contains(key) {
            #expect(fields.contains(key.rawValue), "\(key.rawValue)")
        }
    }
}
