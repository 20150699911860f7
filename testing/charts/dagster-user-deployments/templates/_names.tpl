{{/* The prefix of names: an override, else the release's name, which gets the chart's behind it unless it holds that. */}}
{{- define "code.fullname" -}}
{{- $name := .Values.global.nameOverride | default .Values.nameOverride | default .Chart.Name -}}
{{- $usual := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- .Values.global.fullnameOverride | default .Values.fullnameOverride | default $usual | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "code.selector" -}}
app.kubernetes.io/name: {{ .Values.global.nameOverride | default .Values.nameOverride | default .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "code.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "code.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "code.account" -}}
{{- $own := .Values.serviceAccount.name | default (printf "%s-user-deployments" (include "code.fullname" .)) -}}
{{- .Values.global.serviceAccountName | default $own -}}
{{- end -}}

{{/* Deployments as a list: of a mapping the keys are the names. */}}
{{- define "code.deployments" -}}
{{- $list := list -}}
{{- if kindIs "map" .Values.deployments -}}
  {{- range $name, $entry := .Values.deployments -}}
    {{- $list = append $list (set (deepCopy $entry) "name" $name) -}}
  {{- end -}}
{{- else -}}
  {{- $list = .Values.deployments | default list -}}
{{- end -}}
{{- $list | toJson -}}
{{- end -}}

{{/* A digest wins over a tag, and no tag is the chart's version. */}}
{{- define "code.image" -}}
{{- $version := index . 0 -}}{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default $version | toYaml | trimAll "\"" }}
{{- end -}}
{{- end -}}
