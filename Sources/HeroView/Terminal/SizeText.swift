import HeroModel

extension Canonical {
    /// A size in the largest unit of which there are at least ten: `12 GiB`, `900 MiB`.
    static func roundedSize(_ bytes: Int64) -> String {
        let units: [(name: String, shift: Int64)] = [("GiB", 30), ("MiB", 20), ("KiB", 10)]
        for unit in units where bytes >> unit.shift >= 10 { return "\(bytes >> unit.shift) \(unit.name)" }
        return "\(bytes) bytes"
    }
}
