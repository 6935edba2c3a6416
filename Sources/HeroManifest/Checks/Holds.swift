internal import HeroModel

extension ManifestSet {
    /// Warns about holds that have ended.
    mutating func checkHolds(at now: WallTime) {
        for index in services.indices {
            guard let hold = services[index].spec.hold, !hold.isActive(at: now) else { continue }
            report(
                .expiredHold,
                "the hold of `\(services[index].spec.name)` ended at \(hold.until.rfc3339Text) and has no effect",
                help: "remove `hold`, or write a later time",
                in: services[index].file,
                at: services[index].span(of: "hold"),
                severity: .warning
            )
        }
    }
}
