import Foundation
import HeroJSON
import HeroModel
import SchemaValidation
import Testing

@testable import HeroManifest

/// `schemas/manifest.schema.json` is rendered from the fields and agrees with the manifest reader.
@Suite("JSON Schema of manifests")
struct ManifestSchemaTests {
    @Test("The committed manifest schema is current; RECORD_GOLDENS=1 writes it")
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
        #expect(committed == ManifestSchema.json, "schemas/manifest.schema.json is not current")
    }

    @Test("The manifest schema accepts every valid manifest", arguments: ManifestCase.all("good"))
    func acceptsValidManifests(_ manifestCase: ManifestCase) throws {
        let validator = try Self.validator()
        for document in try manifestCase.files().flatMap(Self.documents) {
            let errors = validator.errors(in: document)
            #expect(errors.isEmpty, "\(errors.joined(separator: "\n"))")
        }
    }

    /// The codes of errors that are visible in a single document, without the rest of the set.
    private static let schemaVisibleCodes: Set<DiagnosticCode> = [
        .unknownKey, .unknownValue, .wrongType, .unknownKind, .missingKind, .noProgram, .twoPrograms, .noQuestion,
        .twoQuestions, .interpreterWithoutScript, .invalidName, .invalidReference, .unknownSignal, .noActions,
        .noRhythm, .twoRhythms, .invalidUmask, .emptyList,
    ]

    /// Cases whose error is invisible after YAML parsing: `007` is the number 7, and `TRUE` is true.
    private static let invisibleCases: Set<String> = ["integer-octal", "required-is-null", "bool-capitals"]

    @Test(
        "The manifest schema refuses unknown keys, unknown values and wrong types",
        arguments: ManifestCase.all("bad")
    )
    func refusesInvalidManifests(_ manifestCase: ManifestCase) throws {
        let codes = try manifestCase.read().diagnostics.filter { $0.severity == .error }.compactMap {
            DiagnosticCode(rawValue: $0.code)
        }
        guard let first = codes.first, Self.schemaVisibleCodes.isSuperset(of: codes),
            !Self.invisibleCases.contains(manifestCase.name)
        else {
            return
        }
        let validator = try Self.validator()
        let errors = try manifestCase.files().flatMap(Self.documents).flatMap { validator.errors(in: $0) }
        #expect(!errors.isEmpty, "\(first) is accepted")
    }

    @Test("The manifest schema describes every key and has every default that is a value")
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

    /// Parsed once, because every case uses it.
    private static let schema = Result { try JSONValue(parsing: ManifestSchema.json) }

    /// Returns the documents of a file as the YAML parser of an editor reads them (YAML 1.2, core schema).
    static func documents(_ file: ManifestFile) -> [JSONValue] {
        var decoder = FileDecoder(fileIndex: 0, file: file)
        return YAMLReader.read(in: &decoder).map(json)
    }

    private static func json(_ node: YAMLNode) -> JSONValue {
        switch node.content {
        case .scalar(let text, plain: false): .string(text)
        case .scalar(let text, plain: true): node.isNull ? .null : plain(text)
        case .sequence(let items): .array(items.map(json))
        case .mapping(let entries):
            .sortedObject(Dictionary(entries.map { ($0.key, json($0.value)) }, uniquingKeysWith: { first, _ in first }))
        case .invalid: .null
        }
    }

    private static func plain(_ text: String) -> JSONValue {
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
