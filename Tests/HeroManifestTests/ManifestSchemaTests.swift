import Foundation
import HeroModel
import SchemaJudge
import Testing

@testable import HeroManifest

/// `schemas/manifest.schema.json` is rendered from the fields, and agrees with the reader of manifests.
@Suite("The schema of manifests")
struct ManifestSchemaTests {
    @Test("is the committed one; RECORD_GOLDENS=1 writes it anew")
    func committedSchemaIsCurrent() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../schemas/manifest.schema.json").standardized
        let committed = try? String(contentsOf: file, encoding: .utf8)
        if committed != ManifestSchema.json, ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1" {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try ManifestSchema.json.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(committed == ManifestSchema.json, "schemas/manifest.schema.json is not what the fields say")
    }

    @Test("accepts every good manifest", arguments: ManifestCase.all("good"))
    func acceptsValidManifests(_ folder: ManifestCase) throws {
        let judge = try Self.validator()
        for document in try folder.files().flatMap(Self.documents) {
            let mistakes = judge.errors(in: document)
            #expect(mistakes.isEmpty, "\(mistakes.joined(separator: "\n"))")
        }
    }

    /// Mistakes that a single document shows, whatever the rest of the set says.
    private static let schemaVisibleCodes: Set<DiagnosticCode> = [
        .unknownKey, .unknownValue, .wrongType, .unknownKind, .missingKind, .noProgram, .twoPrograms, .noQuestion,
        .twoQuestions, .interpreterWithoutScript, .invalidName, .invalidReference, .unknownSignal, .noActions,
        .noRhythm, .twoRhythms, .invalidUmask, .emptyList,
    ]

    /// Cases whose only mistake is one of spelling that YAML does not show: `007` is a number, as `7` is, and `TRUE` is true.
    private static let invisibleCases: Set<String> = ["integer-octal", "required-is-null", "bool-capitals"]

    @Test("refuses unknown keys, wrong words and wrong types", arguments: ManifestCase.all("bad"))
    func refusesInvalidManifests(_ folder: ManifestCase) throws {
        let codes = try folder.read().diagnostics.filter { $0.severity == .error }.compactMap {
            DiagnosticCode(rawValue: $0.code)
        }
        guard let first = codes.first, Self.schemaVisibleCodes.isSuperset(of: codes),
            !Self.invisibleCases.contains(folder.name)
        else {
            return
        }
        let judge = try Self.validator()
        let mistakes = try folder.files().flatMap(Self.documents).flatMap { judge.errors(in: $0) }
        #expect(!mistakes.isEmpty, "\(first) is accepted")
    }

    @Test("describes every key, and gives every default that is a value")
    func describesEveryKey() throws {
        let root = try Self.schema.get()
        func check(_ fields: [(key: String, defaultText: String, isValue: Bool)], of kind: String) {
            for field in fields {
                let schema = root["$defs"]?[kind]?["properties"]?[field.key]
                #expect(schema?["description"] != nil, "\(kind) \(field.key)")
                #expect((schema?["default"] != nil) == field.isValue, "\(kind) \(field.key)")
            }
        }
        check(ServiceSpec.fields.map { ($0.key, $0.defaultText, $0.property.defaultValue.isValue) }, of: "Service")
        check(ActionSpec.fields.map { ($0.key, $0.defaultText, $0.property.defaultValue.isValue) }, of: "Action")
        check(Settings.fields.map { ($0.key, $0.defaultText, $0.property.defaultValue.isValue) }, of: "Settings")
    }

    static func validator() throws -> SchemaValidator { SchemaValidator(try schema.get()) }

    /// Read once: it is asked for by every case.
    private static let schema = Result { try JSON(ManifestSchema.json) }

    /// The documents of a file as an editor's YAML reader (1.2, core schema) understands them.
    static func documents(_ file: ManifestFile) -> [JSON] {
        var scope = FileDecoder(fileIndex: 0, file: file)
        return YAMLReader.read(in: &scope).map(json)
    }

    private static func json(_ node: YAMLNode) -> JSON {
        switch node.content {
        case .scalar(let text, plain: false): .string(text)
        case .scalar(let text, plain: true): node.isNull ? .null : plain(text)
        case .sequence(let items): .array(items.map(json))
        case .mapping(let entries):
            .object(Dictionary(entries.map { ($0.key, json($0.value)) }, uniquingKeysWith: { first, _ in first }))
        case .invalid: .null
        }
    }

    private static func plain(_ text: String) -> JSON {
        if ["true", "True", "TRUE"].contains(text) { return .bool(true) }
        if ["false", "False", "FALSE"].contains(text) { return .bool(false) }
        if Scalars.isDecimalInteger(text), let number = Int64(text) { return .integer(number) }
        if let number = Scalars.number(text) { return .number(number) }
        return .string(text)
    }
}

extension DefaultValue {
    fileprivate var isValue: Bool {
        switch self {
        case .none, .described: false
        case .bool, .integer, .number, .text, .list: true
        }
    }
}
