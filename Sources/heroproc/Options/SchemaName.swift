import ArgumentParser
import HeroJSON
import HeroManifest
import HeroView

/// The name of a schema as an argument.
struct SchemaName: ExpressibleByArgument, CaseIterable, RawRepresentable {
    static let allCases = [manifest] + OutputSchema.allCases.map { SchemaName($0.rawValue, $0.text) }
    /// The schema of manifests.
    static let manifest = SchemaName("manifest", ManifestSchema.json)

    let rawValue: String
    /// The schema as a JSON document that ends with a line feed.
    let text: String

    private init(_ name: String, _ text: String) {
        rawValue = name
        self.text = text
    }

    init?(rawValue: String) {
        guard let known = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = known
    }
}
