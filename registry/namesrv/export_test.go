package namesrv

import (
	"maps"
	"slices"
)

// SettingRow is a key of the properties as docs/compatibility.md shows it.
type SettingRow struct{ Key, Default, Here string }

// SettingRows is every key that is known, and what becomes of it.
func SettingRows() []SettingRow {
	var rows []SettingRow
	for _, k := range settingKeys {
		here := "honoured"
		switch {
		case k.live:
			here = "honoured; code 318 changes it"
		case k.ignored != "":
			here = "no effect: " + k.ignored
		case k.refused != "":
			here = "refused: " + k.refused
		}
		rows = append(rows, SettingRow{k.name, k.text(&referenceDefaults), here})
	}
	for _, name := range slices.Sorted(maps.Keys(foreignKeys)) {
		k := foreignKeys[name]
		here := "no effect: " + k.reason
		if k.refused {
			here = "refused: " + k.reason
		}
		rows = append(rows, SettingRow{name, "", here})
	}
	return rows
}
