internal import HeroModel

extension ManifestSet {
    /// Who binds something.
    private enum Owner {
        case service(Int, UsedAction)
        case action(Int)
    }

    /// Who binds something, and where that is written.
    private struct Claim {
        var owner: Owner
        var file: Int
        var span: Span
        var address: NumericAddress?
        var endpoint: TCPEndpoint?
    }

    /// One address of one port.
    private struct BoundAddress: Hashable {
        var port: UInt16
        var address: NumericAddress
    }

    /// The claims on one port, by their numbers: nearly every port has one.
    private struct PortClaims {
        var first: Int
        var first4: Int?
        var any: Int?
        var any4: Int?

        mutating func note(_ number: Int, _ address: NumericAddress?) {
            guard let address, !address.isAny6 else {
                any = number
                return
            }
            if address.isVersion4, first4 == nil { first4 = number }
            if address.isAny4 { any4 = number }
        }
    }

    /// All claims so far, so that each new one meets those it overlaps at once.
    private struct Claims {
        private var all: [Claim] = []
        private var ports: [UInt16: PortClaims] = [:]
        /// The later claims of a port, by address.
        private var others: [BoundAddress: Int] = [:]
        private var sockets: [String: Int] = [:]

        /// Takes a claim on a port, unless it overlaps an earlier one, which is returned.
        mutating func add(_ claim: Claim, port: UInt16) -> Claim? {
            if let known = ports[port] {
                if let earlier = overlapping(claim.address, known, port) { return all[earlier] }
                if let address = claim.address {
                    others[BoundAddress(port: port, address: address)] = all.count
                }
            }
            ports[port, default: PortClaims(first: all.count)].note(all.count, claim.address)
            all.append(claim)
            return nil
        }

        /// Takes a claim on a socket, unless there is an earlier one, which is returned.
        mutating func add(_ claim: Claim, socket: String) -> Claim? {
            if let earlier = sockets[socket] { return all[earlier] }
            sockets[socket] = all.count
            all.append(claim)
            return nil
        }

        private func overlapping(_ address: NumericAddress?, _ known: PortClaims, _ port: UInt16) -> Int? {
            guard let address, !address.isAny6 else { return known.first }
            if let any = known.any { return any }
            if address.isAny4 { return known.first4 }
            if address.isVersion4, let any4 = known.any4 { return any4 }
            if all[known.first].address == address { return known.first }
            return others[BoundAddress(port: port, address: address)]
        }
    }

    /// Reports ports and sockets that two actions bind; services of status `spec` never run and claim nothing.
    mutating func checkClaims() {
        var claims = Claims()
        var isUsed = Array(repeating: false, count: actions.count)
        for number in services.indices where services[number].isNamed {
            let runs = services[number].spec.status != .spec
            for used in usedActions[number] {
                switch used {
                case .inline(let action):
                    guard runs else { continue }
                    let bound = services[number].inlineActions[action].bound
                    claim(bound, by: .service(number, used), in: services[number].file, at: nil, &claims)
                case .document(let document, let reference):
                    isUsed[document] = true
                    guard runs else { continue }
                    let bound = actions[document].bound
                    claim(bound, by: .service(number, used), in: services[number].file, at: reference, &claims)
                }
            }
        }
        // An action document that no service uses may be run by itself.
        for number in actions.indices where !isUsed[number] {
            claim(actions[number].bound, by: .action(number), in: actions[number].file, at: nil, &claims)
        }
    }

    private mutating func claim(
        _ bound: ActionDraft.Bound,
        by owner: Owner,
        in file: Int,
        at reference: Span?,
        _ claims: inout Claims
    ) {
        for (endpoint, span) in bound.ports {
            let claim = Claim(
                owner: owner,
                file: file,
                span: reference ?? span,
                address: endpoint.host.flatMap { NumericAddress($0) },
                endpoint: endpoint
            )
            guard let earlier = claims.add(claim, port: endpoint.port) else { continue }
            let overlap =
                earlier.endpoint == claim.endpoint
                ? "" : " (`\(endpoint)` overlaps `\(earlier.endpoint?.description ?? "")`)"
            reportClash(.portClaimedTwice, "TCP port \(endpoint.port)", claim, earlier, overlap)
        }
        for (path, span) in bound.sockets {
            let claim = Claim(owner: owner, file: file, span: reference ?? span)
            guard let earlier = claims.add(claim, socket: path) else { continue }
            reportClash(.socketClaimedTwice, "the socket \(quoted(path))", claim, earlier, "")
        }
    }

    private func words(_ owner: Owner) -> String {
        switch owner {
        case .service(let number, let used):
            "`\(services[number].spec.name)`, action `\(name(of: used, in: number))`"
        case .action(let number): "the action `\(actions[number].name)`"
        }
    }

    private mutating func reportClash(
        _ code: DiagnosticCode,
        _ what: String,
        _ claim: Claim,
        _ earlier: Claim,
        _ overlap: String
    ) {
        report(
            code,
            "\(what) is claimed twice: by \(words(earlier.owner)), and by \(words(claim.owner))\(overlap)",
            help: "give one of them another; they cannot run at the same time",
            in: claim.file,
            at: claim.span,
            notes: [source(earlier.file).note("first claimed", at: earlier.span)]
        )
    }
}
