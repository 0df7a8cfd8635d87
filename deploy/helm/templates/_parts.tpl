{{/* One of the manifests of deploy/kubernetes, in the release's namespace. */}}
{{- define "manifest" -}}
{{- $made := .root.Files.Get (printf "manifests/base/%s.yaml" .name) | fromYaml -}}
{{- if hasKey $made "Error" }}{{ fail (printf "manifests/base/%s.yaml cannot be read: %s" .name $made.Error) }}{{ end -}}
{{- $_ := set $made.metadata "namespace" .root.Release.Namespace -}}
{{- $_ := set $made.metadata "labels" (merge (default dict $made.metadata.labels) (include "labels" .root | fromYaml)) -}}
{{ $made | toYaml }}
{{- end -}}

{{- define "image" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{/* The settings of settings.env, the Service's names in this namespace, and the values, which win. */}}
{{- define "settings" -}}
{{- $made := dict -}}
{{- range .Files.Lines "manifests/base/settings.env" -}}
{{- if and . (not (hasPrefix "#" .)) -}}
{{- $both := splitn "=" 2 . -}}
{{- $_ := set $made $both._0 $both._1 -}}
{{- end -}}
{{- end -}}
{{- $name := printf "mlflow.%s" .Release.Namespace -}}
{{- $_ := set $made "PROKUBE_AUTH_INTERNAL_HOSTS" (printf "%s,%s.svc,%s.svc.cluster.local" $name $name $name) -}}
{{- range $key, $value := .Values.settings -}}
{{- $_ := set $made $key (toString $value) -}}
{{- end -}}
{{ $made | toYaml }}
{{- end -}}

{{/* What Helm's objects have beside the labels of the manifests. */}}
{{- define "labels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{/* Sets in a pod's spec what the values say of all pods; makes no text. */}}
{{- define "pod" -}}
{{- $values := .root.Values -}}
{{- range .pod.containers -}}
{{- $_ := set . "image" (include "image" (dict "root" $.root "image" $values.image)) -}}
{{- $_ := set . "imagePullPolicy" $values.image.pullPolicy -}}
{{- range .env -}}
{{- if .valueFrom }}{{ $_ := set .valueFrom.secretKeyRef "name" $values.secrets.server }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $fields := merge (dict "imagePullSecrets" $values.image.pullSecrets) (pick $values.pod "nodeSelector" "tolerations" "affinity") -}}
{{- range $field, $value := $fields -}}
{{- if $value }}{{ $_ := set $.pod $field $value }}{{ end -}}
{{- end -}}
{{- end -}}
