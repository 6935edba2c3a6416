import HeroModel
import Testing

@testable import HeroManifest

@Suite("Variables in manifests")
struct InterpolationTests {
    private func read(
        _ text: String,
        variables: [String: String] = [:],
        environment: [String: String] = [:]
    ) -> ManifestResult {
        let file = ManifestFile(path: "web.yaml", baseDirectory: "/srv/demo", bytes: Array(text.utf8))
        let options = ManifestOptions(requiresCore: false, variables: variables, environment: environment)
        return Manifests.read([file], options: options)
    }

    private static let web = """
        kind: Service
        name: web
        description: "<${V}>"
        labels: {"${V}": "${V}"}
        env: {A: "${V}", B: "${V}=${V}"}
        actions:
          - name: main
            exec: [server, "${V}", last]
          - name: next
            script: "echo ${V}"
        """

    @Test("YM-2: The value of a variable never changes the structure of a manifest")
    func valuesAddNoStructure() throws {
        let structural = [
            "\n", ": ", "- ", "{", "}", "[", "]", "\"", "'", "#", " #", "|", "&a", "*a", "!t", "---\n", "${V}", "$$",
            "$",
        ]
        let scalars = ["null", "~", "true", "0", "1e3", "kind: Service", "ü", "\t", "%", "@", "`", ",", "?", "x"]
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let value = (0..<Int.random(in: 0...6, using: &random)).compactMap { _ in
                (structural + scalars).randomElement(using: &random)
            }.joined()
            let result = read(Self.web, variables: ["V": value])
            let spec = try #require(result.desired?.services.values.first?.spec, "\(value)")
            #expect(result.diagnostics.isEmpty)
            #expect(spec.description == "<\(value)>")
            #expect(spec.labels == ["${V}": value])
            #expect(spec.environment == ["A": .text(value), "B": .text("\(value)=\(value)")])
            #expect(
                spec.actions.map(\.program) == [
                    .exec(["server", value, "last"]), .script("echo ${V}", interpreter: nil),
                ]
            )
        }
    }

    @Test("The used variables, passed again, give the same desired state in any environment")
    func usedValuesReproduceState() throws {
        let text = """
            kind: Service
            name: web
            env: {A: "${HOME}", B: "${GIVEN}", C: "${USER:-guest}", D: "${EMPTY:-x}", E: "[${EMPTY}]"}
            actions: [{name: main, exec: [server]}]
            """
        let first = read(
            text,
            variables: ["GIVEN": "1", "EMPTY": ""],
            environment: ["HOME": "/home/me", "PATH": "/bin"]
        )
        #expect(first.variables == ["GIVEN": "1", "EMPTY": "", "HOME": "/home/me"])
        let second = read(text, variables: first.variables, environment: ["HOME": "/root", "USER": "root"])
        let third = read(text, variables: first.variables)
        #expect(first.desired != nil)
        #expect(third.desired == first.desired)
        // Only variables without a value in the first run can differ, and a set is never read again with an
        // environment.
        #expect(second.desired?.services.values.first?.spec.environment["A"] == .text("/home/me"))
    }

    @Test(
        "A text is split into literal pieces and references",
        arguments: [
            ("", []), ("a$", [.text("a$")]), ("$$", [.text("$")]), ("$$$", [.text("$$")]), ("$${A}", [.text("${A}")]),
            ("$a}{", [.text("$a}{")]),
            ("${A}", [.reference(.init(name: "A", fallback: .fail, position: position(0, "${A}")))]),
            (
                "$ ${_a9}",
                [
                    .text("$ "), .reference(.init(name: "_a9", fallback: .fail, position: position(1, "${_a9}"))),
                ]
            ),
            (
                "$$$$${A:-b$$c}d",
                [
                    .text("$$"),
                    .reference(.init(name: "A", fallback: .useDefault("b$c"), position: position(4, "${A:-b$$c}"))),
                    .text("d"),
                ]
            ),
            ("${A:-}", [.reference(.init(name: "A", fallback: .useDefault(""), position: position(0, "${A:-}")))]),
            (
                "${A:-b:-c?$}",
                [
                    .reference(.init(name: "A", fallback: .useDefault("b:-c?$"), position: position(0, "${A:-b:-c?$}")))
                ]
            ),
            (
                "${A:?no}",
                [.reference(.init(name: "A", fallback: .failWithMessage("no"), position: position(0, "${A:?no}")))]
            ),
            ("${A", [.invalidReference(.init(reason: .unclosed, position: position(0, "${A")))]),
            (
                "${A:-${B}}c",
                [.invalidReference(.init(reason: .nested, position: position(0, "${A:-${B}}"))), .text("c")]
            ),
            ("${ A}", [.invalidReference(.init(reason: .invalidName(" A"), position: position(0, "${ A}")))]),
            (
                "${A:b}",
                [
                    .invalidReference(
                        .init(reason: .unknownOperator(name: "A", rest: ":b"), position: position(0, "${A:b}"))
                    )
                ]
            ),
        ] as [(String, [Template.Piece])]
    )
    func templatePieces(_ text: String, _ expected: [Template.Piece]) {
        #expect(Template(text).pieces == expected)
    }

    private static func position(_ dollar: Int, _ written: String) -> Template.PiecePosition {
        Template.PiecePosition(dollarIndex: dollar, writtenText: written)
    }

    @Test("The script of a service in the short form is not interpolated")
    func scriptOfShortFormIsKept() throws {
        let result = read("kind: Service\nname: web\nscript: |\n  code=1\n  echo ${code}\n", variables: [:])
        #expect(result.diagnostics == [])
        let service = try #require(result.desired?.services.values.first?.spec)
        #expect(service.actions.count == 1)
        let text = CanonicalSpec(service).text
        #expect(text.contains("${code}"), "\(text)")
    }

    @Test("YM-1: The values of variables cannot exceed the size limits of manifests")
    func valuesCannotExceedLimits() throws {
        let value = String(repeating: "x", count: 40_000)
        let two = read(
            "kind: Service\nname: web\ndescription: ${V}${V}\nactions: [{name: a, exec: [b]}]",
            variables: ["V": value]
        )
        #expect(two.diagnostics.map(\.code) == ["text-too-long"])
        let items = Array(repeating: "${V}", count: 20_000).map { "\"\($0)\"" }.joined(separator: ",")
        let many = read("kind: Service\nname: web\nactions: [{name: a, exec: [\(items)]}]", variables: ["V": value])
        #expect(many.diagnostics.map(\.code) == ["text-too-long"])
        #expect(many.desired == nil)
    }

    @Test("YM-1: A text of invalid references only is read in linear time")
    func manyInvalidReferences() {
        let line = "  " + String(repeating: "${}", count: 300) + "\n"
        let text = String(repeating: line, count: 70)
        let names = (0..<2000).map { "  N\($0): 1\n" }.joined()
        let settings = "---\nkind: Settings\nrequired: []\nvars:\n\(names)"
        let invalidReferences = String(repeating: "  ${M1}" + "\n", count: 5000)
        let start = ContinuousClock.now
        for body in [text, invalidReferences] {
            let result = read(
                "kind: Service\nname: web\ndescription: |\n\(body)actions: [{name: a, exec: [b]}]\n\(settings)"
            )
            #expect(result.diagnostics.count == InputLimits.diagnostics + 1)
        }
        // Quadratic time would be minutes.
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test("Interpolation never traps, for any text")
    func anyTextIsRead() {
        let alphabet = ["$", "{", "}", ":", "-", "?", "A", "1", "ü", "\n", " "]
        var random = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            let text = (0..<Int.random(in: 0...14, using: &random)).compactMap { _ in
                alphabet.randomElement(using: &random)
            }
            .joined()
            let lines = text.split(separator: "\n").joined(separator: "\n  ")
            let result = read(
                "kind: Service\nname: web\ndescription: |\n  \(lines)\nactions: [{name: a, exec: [b]}]"
            )
            for diagnostic in result.diagnostics { #expect(diagnostic.length >= 1) }
        }
    }
}
