internal import FoundationEssentials
internal import HeroManifest
internal import HeroModel
import HeroSchedule

/// What the reader of manifests promises of any bytes.
enum ManifestInvariants {
    /// Which promises a reading broke, and whether the bytes were a good set.
    static func check(_ bytes: [UInt8]) -> (broken: [String], isGood: Bool) {
        let result = read(bytes)
        var broken = violations(result.diagnostics, of: bytes)
        let hasErrors = result.diagnostics.contains { $0.severity == .error }
        if (result.desired == nil) != hasErrors { broken.append("errors and a desired state stand side by side") }
        let again = read(bytes)
        if again.diagnostics != result.diagnostics || again.desired != result.desired {
            broken.append("reading twice says two things")
        }
        if let desired = result.desired { broken += violations(desired, of: bytes) }
        return (broken, !hasErrors)
    }

    private static func read(_ bytes: [UInt8]) -> ManifestResult {
        let file = ManifestFile(path: "x.yaml", baseDirectory: "/srv/x", bytes: bytes)
        return Manifests.read([file], options: ManifestOptions(requiresCore: false))
    }

    // MARK: Diagnostics

    private static func violations(_ diagnostics: [Diagnostic], of bytes: [UInt8]) -> [String] {
        var broken: [String] = []
        if diagnostics != diagnostics.sorted() { broken.append("diagnostics are not sorted by place") }
        // An error and a warning beyond those that are shown, and what the set as a whole adds.
        if diagnostics.count > 410 { broken.append("there are \(diagnostics.count) diagnostics") }
        let widths = diagnostics.isEmpty ? [] : lineWidths(bytes)
        for one in diagnostics {
            let name = "\(one.code) at \(one.location.map(\.description) ?? "no place")"
            broken += violations(one, widths).map { "\(name): \($0)" }
        }
        return broken
    }

    private static func violations(_ one: Diagnostic, _ widths: [Int]) -> [String] {
        var broken: [String] = []
        if DiagnosticCode(rawValue: one.code) == nil { broken.append("the code is unknown") }
        if one.help?.isEmpty != false { broken.append("it does not say what to do") }
        if one.message.contains("\n") || !isPrintable(one.message) { broken.append("the message is not one line") }
        if one.length < 1 { broken.append("its caret has no width") }
        guard let place = one.location else { return broken + ["it has no place"] }
        for place in [place] + one.notes.map(\.location) where !isInsideFile(place, widths) {
            broken.append("\(place) is not inside the file")
        }
        for excerpt in [one.excerpt] + one.notes.map(\.excerpt) where excerpt.map(isPrintable) == false {
            broken.append("its excerpt holds a control character")
        }
        let end = place.column &+ one.length &- 1
        if let excerpt = one.excerpt, end > max(place.column, excerpt.unicodeScalars.count) {
            broken.append("its caret runs past the end of its line")
        }
        return broken
    }

    private static func isPrintable(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0 == "\t" || !($0.value < 32 || (127..<160).contains($0.value)) }
    }

    /// A place behind the last character of a line is where something is missing.
    private static func isInsideFile(_ place: ManifestLocation, _ widths: [Int]) -> Bool {
        place.line >= 1 && place.line <= widths.count && place.column >= 1 && place.column <= widths[place.line - 1] + 1
    }

    /// How many characters each line has; lines end as YAML 1.1 says.
    private static func lineWidths(_ bytes: [UInt8]) -> [Int] {
        var widths = [0]
        var rest = bytes[...]
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
        while let first = rest.first {
            let next = rest.dropFirst()
            var width = 1
            if first == 0x0D, next.first == 0x0A {
                width = 2
            } else if first == 0xC2, next.first == 0x85 {
                width = 2
            } else if rest.starts(with: [0xE2, 0x80, 0xA8]) || rest.starts(with: [0xE2, 0x80, 0xA9]) {
                width = 3
            } else if first != 0x0A, first != 0x0D {
                if first & 0xC0 != 0x80 { widths[widths.count - 1] += 1 }
                rest = next
                continue
            }
            widths.append(0)
            rest = rest.dropFirst(width)
        }
        return widths
    }

    // MARK: Good sets

    /// A good set means the same however its text is dressed, and however its specs are stored.
    private static func violations(_ desired: DesiredState, of bytes: [UInt8]) -> [String] {
        var broken: [String] = []
        if !bytes.starts(with: [0xEF, 0xBB, 0xBF]), read([0xEF, 0xBB, 0xBF] + bytes).desired != desired {
            broken.append("a byte order mark changes what a set means")
        }
        for (name, declared) in desired.services {
            let spec = declared.spec
            if spec.name != name { broken.append("\(name) is kept under another name") }
            guard let stored = try? JSONEncoder().encode(spec),
                let loaded = try? JSONDecoder().decode(ServiceSpec.self, from: stored)
            else {
                broken.append("\(name) cannot be stored and loaded")
                continue
            }
            if loaded != spec || CanonicalSpec(loaded) != CanonicalSpec(spec) {
                broken.append("\(name) is another one after it was stored")
            }
            // One place for each field that is written, and none elsewhere.
            for place in declared.fieldLocations.values
            where place.file != "x.yaml" || place.line < 1 || place.column < 1 {
                broken.append("\(name) has a field at \(place)")
            }
        }
        return broken
    }
}
